import { expect, test } from "vitest";
import { fieldOf, placeErrors } from "./form.tsx";

test.each([
  ["/email", "email"],
  ["#/email", "email"],
  ["/audience/type", "audience.type"],
  ["/attributes/a~1b", "attributes.a/b"],
  ["query:page_size", undefined],
  ["", undefined],
])("%s points at %s", (pointer, path) => {
  expect(fieldOf(pointer)).toBe(path);
});

test("errors land beside known fields, the first of each, and the rest is kept", () => {
  const fields = [
    { pointer: "/email", code: "a", detail: "first" },
    { pointer: "/email", code: "b", detail: "second" },
    { pointer: "/other", code: "c", detail: "unplaced" },
  ];
  expect(placeErrors(fields, (path) => path === "email")).toEqual({ placed: { email: "first" }, rest: [fields[2]] });
});

test("an error in a list lands at the list", () => {
  expect(placeErrors([{ pointer: "/redirect_uris/1", code: "a", detail: "not https" }], (path) => path.split(".")[0] ?? "")).toEqual({ placed: { redirect_uris: "not https" }, rest: [] });
});
