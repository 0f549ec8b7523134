import { expect, test } from "vitest";
import { Problem } from "../api/index.ts";
import { wordsOf } from "./words.ts";

test.each([
  { code: "request.rate_limited", title: "Too many requests" },
  { code: "http.429", title: "Too Many Requests" },
])("whoever is too quick is told to wait a little, $code", ({ code, title }) => {
  expect(wordsOf(new Problem({ code, status: 429, title }))).toMatchObject({ detail: "Wait a few seconds, then try again.", title: "Too many requests at the moment" });
});

test("whoever did too much of one thing is told of what, and the way out", () => {
  const said = { detail: "This address was sent five mails within an hour. Hand the link over yourself, or wait.", title: "Too many invitations to this address" };
  expect(wordsOf(new Problem({ ...said, code: "org.invite.too_many", status: 429 }))).toMatchObject(said);
  expect(wordsOf(new Problem({ code: "org.invite.too_many", status: 429, title: said.title }))).toMatchObject({ detail: undefined, title: said.title });
});
