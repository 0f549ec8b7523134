import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import { beforeAll, expect, test } from "vitest";
import "./i18n/index.ts";
import { Picker, foundAmong } from "./Picker.tsx";

const all = Array.from({ length: 60 }, (_, i) => ({ label: `API ${i + 1}`, value: `api_${i + 1}` }));

beforeAll(() => {
  // What Mantine asks of a browser.
  window.matchMedia = () => ({ addEventListener() {}, matches: false, removeEventListener() {} }) as unknown as MediaQueryList;
  window.ResizeObserver = class { disconnect() {} observe() {} unobserve() {} };
});

test("what is chosen from the beginning has its name, though it is far down the list", () => {
  render(<MantineProvider><Picker label="API" onChange={() => {}} useFound={foundAmong(all)} value="api_60" /></MantineProvider>);
  expect(screen.getByRole<HTMLInputElement>("combobox", { name: "API" }).value).toBe("API 60");
});

test("fifty are shown, those that match what is typed, and what is chosen besides", () => {
  const { more, options } = foundAmong(all)("", []);
  expect([more, options.length]).toEqual([true, 50]);
  expect(foundAmong(all)("api 5", ["api_60", "api_51"])).toEqual({ more: false, options: [59, 4, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58].map((i) => all[i]) });
});
