// The listing in a real browser: `deno task test:browser`. It needs Chromium
// (Debian: `apt-get install chromium`); CHROMIUM names a path other than
// /usr/bin/chromium. With SCREENSHOTS=DIR it saves pictures there.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type Browser,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "npm:playwright-core@^1.65.1";
import { type AccessLogEntry, serve, serveDir } from "../../server/mod.ts";
import { makeTree } from "../server/_files.ts";

const ODD = "odd # ? % <b> folder";
/** As macOS writes it: the dots are a character of their own. */
const DECOMPOSED = "Ba\u0308ume.txt";
const FILES = {
  "notes.txt": "some notes",
  "chapter 2.txt": "x".repeat(2_000),
  "chapter 10.txt": "x".repeat(1_000),
  "<img src=x onerror=alert(1)>.txt": "not an image",
  "sound.wav": makeWav(60),
  "photo.png": "",
  "backup.tar.gz": "",
  "page/index.html":
    "<!DOCTYPE html><title>Page</title><link rel=icon href='data:,'><p>A page",
  [`${ODD}/inner & more.txt`]: "inner",
  [`${ODD}/${DECOMPOSED}`]: "trees",
  "empty/": "",
};

/** Makes a silent sound, long enough that the browser requests a range. */
function makeWav(seconds: number): Uint8Array {
  const rate = 44_100;
  const bytes = new Uint8Array(44 + rate * 2 * seconds);
  const view = new DataView(bytes.buffer);
  const text = (at: number, text: string) =>
    bytes.set(new TextEncoder().encode(text), at);
  text(0, "RIFF");
  view.setUint32(4, bytes.length - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // one channel
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, bytes.length - 44, true);
  return bytes;
}

interface Visit {
  readonly page: Page;
  readonly url: string;
  readonly log: readonly AccessLogEntry[];
}

/**
 * Serves the files, visits them in a new window, and checks that the browser
 * reports no error.
 */
async function visit(
  options: BrowserContextOptions,
  look: (visit: Visit) => Promise<void>,
): Promise<void> {
  await using tree = await makeTree(FILES);
  const log: AccessLogEntry[] = [];
  await using server = serve(serveDir(tree.path), {
    port: 0,
    log: (entry) => log.push(entry),
  });
  const browser = await launch();
  try {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(10_000);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      const { url } = message.location();
      // Browsers request it on their own when they show a text
      if (url.endsWith("/favicon.ico")) return;
      complaints.push(`${message.text()} ${url}`);
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("dialog", (dialog) => {
      complaints.push(`dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.goto(server.url);
    await look({ page, url: server.url, log });
    assertEquals(complaints, []);
  } finally {
    await browser.close();
  }
}

function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
    args: ["--no-sandbox"], // all pages come from this test
  });
}

/** Returns the names in the rows that are visible. */
async function names(page: Page): Promise<string[]> {
  const cells = await page.locator("tbody tr:visible th").allInnerTexts();
  return cells.map((text) => text.trim());
}

/**
 * The browser is driven through timers and pipes of Node, which the test does
 * not own.
 */
const SANITIZE = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "A reader sorts, filters, walks into an odd folder, opens a file, and goes back",
  SANITIZE,
  () =>
    visit({}, async ({ page, url }) => {
      const folders = ["empty", ODD, "page"];
      assertEquals((await names(page)).slice(0, 5), [
        ...folders,
        "<img src=x onerror=alert(1)>.txt",
        "backup.tar.gz",
      ]);

      await page.getByRole("link", { name: "Size" }).click();
      assertEquals((await names(page)).slice(3, 6), [
        "sound.wav",
        "chapter 2.txt",
        "chapter 10.txt",
      ]);
      await page.getByRole("link", { name: "Size" }).click();
      assertEquals((await names(page)).at(-1), "sound.wav");
      const head = page.getByRole("columnheader", { name: "Size" });
      assertEquals(await head.getAttribute("aria-sort"), "ascending");

      await page.getByRole("searchbox", { name: "Filter by name" }).fill(
        "CHAPTER",
      );
      assertEquals(await names(page), ["chapter 10.txt", "chapter 2.txt"]);
      assertEquals(await page.getByRole("status").innerText(), "2 of 10");
      await page.getByRole("searchbox").fill("");
      assertEquals((await names(page)).length, 10);

      await page.getByRole("link", { name: ODD }).click();
      const inner = "inner & more.txt";
      assertEquals(await names(page), ["Parent folder", DECOMPOSED, inner]);
      await page.getByRole("searchbox").fill("B\u00c4U");
      assertEquals(await names(page), ["Parent folder", DECOMPOSED]);
      await page.getByRole("searchbox").fill("");
      const crumbs = page.getByRole("navigation", { name: "Breadcrumb" });
      assertEquals(await crumbs.getByRole("link").allInnerTexts(), [
        "Home",
        ODD,
      ]);
      await page.getByRole("link", { name: "inner & more.txt" }).click();
      assertEquals(await page.locator("body").innerText(), "inner");
      await page.goBack();
      await crumbs.getByRole("link", { name: "Home" }).click();
      assertEquals(page.url(), `${url}?sort=size&order=asc`);
      await page.getByRole("link", { name: "<img src=x onerror=alert(1)>.txt" })
        .click();
      assertEquals(await page.locator("body").innerText(), "not an image");
      await page.goBack();
      await page.getByRole("link", { name: "page" }).click();
      assertEquals(await page.title(), "Page");
      await page.goBack();
      assertEquals(page.url(), `${url}?sort=size&order=asc`);
    }),
);

Deno.test(
  "A listener plays a sound, and skips to the middle of it",
  SANITIZE,
  () =>
    visit({}, async ({ page, log }) => {
      await page.getByRole("link", { name: "sound.wav" }).click();
      const time = await page.locator("video, audio").evaluate(
        async (element) => {
          const media = element as unknown as {
            currentTime: number;
            muted: boolean;
            play(): Promise<void>;
          } & EventTarget;
          const seeked = new Promise((resolve) =>
            media.addEventListener("seeked", resolve, { once: true })
          );
          media.muted = true;
          media.currentTime = 45;
          await seeked;
          await media.play();
          await new Promise((resolve) =>
            media.addEventListener("timeupdate", resolve, { once: true })
          );
          return media.currentTime;
        },
      );
      assert(time >= 45, `at ${time} s`);
      const parts = log.filter(({ status, request }) =>
        status === 206 && request?.includes("sound.wav")
      );
      assert(parts.length > 0, JSON.stringify(log));
    }),
);

Deno.test(
  "A reader without scripts sorts by links, and sees no search box",
  SANITIZE,
  () =>
    visit({ javaScriptEnabled: false }, async ({ page }) => {
      assertEquals(await page.getByRole("searchbox").count(), 0);
      await page.getByRole("link", { name: "Modified UTC" }).click();
      await page.getByRole("link", { name: "Name" }).click();
      assertEquals((await names(page)).slice(0, 3), ["empty", ODD, "page"]);
      const time = page.getByRole("row", { name: "notes.txt" }).locator("time");
      assertStringIncludes(
        (await time.getAttribute("datetime"))!,
        (await time.innerText()).replace(" ", "T"),
      );
    }),
);

Deno.test(
  "A reader uses only the keyboard",
  SANITIZE,
  () =>
    visit({}, async ({ page, url }) => {
      const focused = () => page.locator(":focus").innerText();
      await page.keyboard.press("/");
      await page.keyboard.type("chapter");
      await page.keyboard.press("ArrowDown");
      assertEquals(await focused(), "chapter 2.txt");
      await page.keyboard.press("ArrowDown");
      assertEquals(await focused(), "chapter 10.txt");
      await page.keyboard.press("Escape");
      assertEquals((await names(page)).length, 10);
      await page.keyboard.press("ArrowUp");
      await page.keyboard.press("Enter");
      await page.waitForURL((to) => to.href !== url);
      assertEquals(page.url(), `${url}chapter%202.txt`);
    }),
);

Deno.test(
  "Times are in the reader's time zone",
  SANITIZE,
  () =>
    visit({ timezoneId: "Asia/Kolkata" }, async ({ page }) => {
      const time = page.getByRole("row", { name: "notes.txt" }).locator("time");
      const utc = Date.parse((await time.getAttribute("datetime"))!);
      const there = new Date(utc + 5.5 * 3_600_000).toISOString();
      assertEquals(
        await time.innerText(),
        there.slice(0, 16).replace("T", " "),
      );
      assertEquals(await page.getByText("UTC").count(), 0);
    }),
);

Deno.test(
  "A reader's order and filter persist between folders, and an empty result says so",
  SANITIZE,
  () =>
    visit({}, async ({ page, url }) => {
      const box = page.getByRole("searchbox");
      await page.getByRole("link", { name: "Size" }).click();
      await page.getByRole("link", { name: ODD }).click();
      const search = "?sort=size&order=desc";
      assertEquals(page.url(), `${url}${encodeURIComponent(ODD)}/${search}`);
      await page.getByRole("link", { name: "Parent folder" }).click();
      assertEquals(page.url(), url + search);
      await box.fill("chapter");
      await page.getByRole("link", { name: "chapter 2.txt" }).click();
      await page.goBack();
      assertEquals([page.url(), await box.inputValue()], [
        url + search,
        "chapter",
      ]);
      assertEquals(await names(page), ["chapter 2.txt", "chapter 10.txt"]);
      await box.fill("<b>none");
      assertEquals(await names(page), []);
      await page.getByText("No name here contains \u201c<b>none\u201d.")
        .waitFor();
      await page.keyboard.press("Escape");
      assertEquals((await names(page)).length, 10);
      assertEquals(await page.getByText("No name here").isVisible(), false);
      await page.getByText("3 folders, 7 files").waitFor();
      assertEquals(await page.title(), new URL(url).host);
    }),
);

Deno.test(
  "A reader on a phone filters, and sees sizes and times under the names",
  SANITIZE,
  () =>
    visit({ viewport: { width: 360, height: 800 } }, async ({ page }) => {
      await page.getByRole("searchbox").fill("chapter");
      assertEquals(await page.locator("tbody tr:visible").count(), 2);
      const row = page.locator("tbody tr", { hasText: "chapter 2.txt" });
      const link = (await row.locator("a").boundingBox())!;
      for (const part of ["td:nth-child(2)", "time"]) {
        const box = (await row.locator(part).boundingBox())!;
        assert(box.y >= link.y + link.height - 1, part);
      }
    }),
);

Deno.test(
  "A reader at a wrong address finds links to existing folders",
  SANITIZE,
  async () => {
    await using tree = await makeTree({ "a/b.txt": "" });
    await using server = serve(serveDir(tree.path), { port: 0 });
    const browser = await launch();
    try {
      const page = await browser.newPage();
      for (const path of ["a/none", "a/none/"]) {
        const response = await page.goto(server.url + path);
        assertEquals(response?.status(), 404);
        assertEquals(await page.title(), "404 Not Found");
        await page.getByRole("link", { name: "Parent folder" }).click();
        assertEquals(page.url(), `${server.url}a/`);
        await page.goBack();
        await page.getByRole("link", { name: "Home" }).click();
        assertEquals(page.url(), server.url);
      }
    } finally {
      await browser.close();
    }
  },
);

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [360, 1_200]) {
    Deno.test(
      `The listing fits ${width} pixels, and can be read in ${colorScheme}`,
      SANITIZE,
      () =>
        visit(
          { colorScheme, viewport: { width, height: 800 } },
          async ({ page }) => {
            const size = await page.evaluate(
              "[document.documentElement.scrollWidth, innerWidth]",
            ) as [number, number];
            assert(size[0] <= size[1], `${size[0]} of ${size[1]} pixels`);
            const colours = await page.evaluate(
              "[document.body, document.querySelector('td'), document.querySelector('tbody a')].map((e) => getComputedStyle(e).color)",
            ) as string[];
            const paper = await page.evaluate(
              "getComputedStyle(document.body).backgroundColor",
            ) as string;
            for (const ink of colours) {
              assert(contrast(ink, paper) >= 4.5, `${ink} on ${paper}`); // WCAG 2 level AA
            }
            const directory = Deno.env.get("SCREENSHOTS");
            if (directory !== undefined) {
              await page.screenshot({
                path: `${directory}/listing-${width}-${colorScheme}.png`,
              });
            }
          },
        ),
    );
  }
}

/** Computes the contrast of two colours, `rgb(...)`, as WCAG 2 defines it. */
function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) =>
    y - x
  );
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map(
    (text) => {
      const value = Number(text) / 255;
      return value <= 0.04045
        ? value / 12.92
        : ((value + 0.055) / 1.055) ** 2.4;
    },
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
