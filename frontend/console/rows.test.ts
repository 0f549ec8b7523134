import { describe, expect, it } from "vitest";
import { maxRows, namesIn, readRows } from "./rows.ts";

describe("rows of people", () => {
  it("takes addresses, however they are parted", () => {
    expect(readRows("a@x.example\r\n\r\nb@x.example, c@x.example\n").rows).toEqual([{ email: "a@x.example" }, { email: "b@x.example" }, { email: "c@x.example" }]);
  });
  it("takes a CSV file with a header, quotes and a byte order mark", () => {
    const file = '\uFEFFEmail,Given Name,family-name,groups\r\na@x.example,"Ann ""A.""","Lee, Jr.",Sales|Support\r\nb@x.example,,,\r\n';
    expect(readRows(file).rows).toEqual([{ email: "a@x.example", family_name: "Lee, Jr.", given_name: 'Ann "A."', groups: "Sales|Support" }, { email: "b@x.example" }]);
  });
  it("takes other separators", () => {
    expect(readRows("username;email\njo;jo@x.example").rows).toEqual([{ email: "jo@x.example", username: "jo" }]);
  });
  it("says which column it does not know", () => {
    expect(readRows("email,shoe size\na@x.example,44")).toEqual({ error: "columns", name: "shoe_size" });
    expect(readRows("email,roles\na@x.example,Editor", ["email"])).toEqual({ error: "columns", name: "roles" });
  });
  it("refuses nothing, and too much", () => {
    expect(readRows(" \n").error).toBe("empty");
    expect(readRows("email,username").error).toBe("empty");
    const many = (n: number) => Array.from({ length: n }, (_, i) => `p${i}@x.example`).join("\n");
    expect(readRows(many(maxRows)).rows).toHaveLength(maxRows);
    expect(readRows(many(maxRows + 1)).error).toBe("tooMany");
  });
  it("parts names by bars", () => {
    expect(namesIn(" Sales | |Support ")).toEqual(["Sales", "Support"]);
    expect(namesIn()).toEqual([]);
  });
});
