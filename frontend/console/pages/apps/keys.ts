import type { components } from "../../../api/index.ts";

type Keys = Pick<components["schemas"]["UpdateAppOIDCRequest"], "jwks" | "jwks_uri">;

export const lines = (text: string) => text.split(/\s+/).filter(Boolean);

/** The text of a JWK Set, as requests take it: keys or the address of keys. */
export function keysOf(text: string): Keys {
  const trimmed = text.trim();
  return trimmed.startsWith("{") ? { jwks: JSON.parse(trimmed) as NonNullable<Keys["jwks"]> } : { jwks_uri: trimmed };
}

export function isKeys(text: string) {
  try {
    return keysOf(text).jwks === undefined || Array.isArray(keysOf(text).jwks?.keys);
  } catch {
    return false;
  }
}
