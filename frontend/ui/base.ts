export type AppName = "account" | "console";

/** Where a page is mounted: everything before `/console` or `/account`. */
export interface Mount {
  app: AppName;
  /** `/t/acme`, `/t/acme/o/north`, `/o/north`, or empty on a custom host. Never ends in a slash. */
  base: string;
  /** The base with its origin: the issuer, and what `/v1` is relative to. */
  issuer: string;
  /** The router's base path, `{base}/console`. */
  path: string;
  /** Where the authorization response arrives, `{base}/console/callback`. */
  callback: string;
}

const mounts = /^((?:\/t\/[^/]+)?(?:\/o\/[^/]+)?)\/(account|console)(?:\/|$)/;

/** Reads the mount from the page's own address. A tenant named "console" is no trap: `/t/console/console`. */
export function mountOf(location: { origin: string; pathname: string }): Mount {
  const found = mounts.exec(location.pathname);
  if (!found) throw new Error("This page is not mounted below a tenant, an organization or a host.");
  const base = found[1] ?? "";
  const app = found[2] as AppName;
  const path = `${base}/${app}`;
  return { app, base, issuer: location.origin + base, path, callback: `${location.origin}${path}/callback` };
}
