import { expect, test } from "vitest";
import { mountOf } from "./base.ts";

const origin = "https://id.example.com";

test.each([
  ["/t/acme/console", "/t/acme", "console"],
  ["/t/acme/console/orgs/root/users", "/t/acme", "console"],
  ["/t/acme/o/north/console/", "/t/acme/o/north", "console"],
  ["/console", "", "console"],
  ["/o/north/account/security", "/o/north", "account"],
  ["/t/console/console/orgs/account", "/t/console", "console"],
  ["/t/acme/account/console", "/t/acme", "account"],
])("%s is mounted at %s", (pathname, base, app) => {
  const mount = mountOf({ origin, pathname });
  expect(mount).toEqual({ app, base, issuer: origin + base, path: `${base}/${app}`, callback: `${origin}${base}/${app}/callback` });
});

test.each(["/", "/t/acme", "/t/acme/consoles", "/x/console"])("%s is no mount", (pathname) => {
  expect(() => mountOf({ origin, pathname })).toThrow();
});
