// Events as a portal reads them: what each says, and the bar that the page shows for it. Copy this file; it needs no package.

/**
 * By the type of an event: the headline (a text, the path of the member that has it, or null), its severity, and the state of the connection.
 * These are the members `x-display` of schemas/events.
 */
export const DISPLAY = {
  "billing-codes.failed": ["data.error.message", "error", "unchanged"],
  "billing-codes.listed": [null, "none", "unchanged"],
  "connection.diagnosed": [null, "info", "unchanged"],
  "connection.established": ["data.message", "success", "works"],
  "connection.failed": ["data.message", "error", "data.previousConnectionActive"],
  "connection.lost": ["data.error.message", "error", "broken"],
  "connection.recovered": ["The connection works again", "success", "works"],
  "connection.verified": ["The connection works", "success", "works"],
  "drift.changed": [null, "warning", "unchanged"],
  "drift.failed": ["data.error.message", "error", "unchanged"],
  "drift.reported": [null, "info", "unchanged"],
  "integration.enabled": ["Your integration is now enabled", "success", "works"],
  "integration.reset": ["data.message", "success", "none"],
  "job.abandoned": ["data.error.message", "error", "unchanged"],
  "job.conflict": ["data.error.message", "error", "unchanged"],
  "job.deferred": ["data.error.message", "warning", "unchanged"],
  "job.expired": ["data.error.message", "error", "unchanged"],
  "job.rejected": ["data.error.message", "error", "unchanged"],
  "job.superseded": ["data.error.message", "info", "unchanged"],
  "sync.failed": ["data.message", "error", "unchanged"],
  "sync.incomplete": ["data.message", "warning", "unchanged"],
  "sync.previewed": [null, "info", "unchanged"],
  "sync.progress": [null, "none", "unchanged"],
  "sync.started": [null, "none", "unchanged"],
  "sync.succeeded": ["data.message", "success", "works"],
};

/** The page has two colours: red for what failed, yellow for all else. */
export const COLOURS = { success: "yellow", info: "yellow", warning: "yellow", error: "red" };

const UNKNOWN = [null, "none", "unchanged"];
const member = (document, path) => path.split(".").reduce((value, name) => value[name], document);

/** One event of the bytes as they arrived. Attributes and members that this program does not know are ignored. */
export function parse(body) {
  const document = JSON.parse(body.toString("utf8"));
  const data = document.data ?? {};
  return {
    document,
    data,
    id: document.id,
    type: document.type.replace(/^autotask\./, ""),
    tenant: document.subject,
    product: document.product ?? "workplace",
    jobId: document.jobid ?? null,
    epoch: document.epoch ?? 0,
    // Within the epoch; null for progress, pages and erased events.
    sequence: document.sequence === undefined ? null : BigInt(document.sequence),
    // Whether this is the one event in which its job ends.
    isTerminal: document.terminal === true,
    // Whether only the end of the job is left of it, after a reset or 30 days.
    isErased: data.erased === true,
    // Set for an event that was too large for one message.
    page: "page" in data && "pages" in data ? { number: data.page, count: data.pages } : null,
  };
}

/** The bar that the page shows, as `{ colour, headline, detail }`, or null: the event has none, or its data were erased. */
export function bar(event) {
  const [headline, severity] = DISPLAY[event.type] ?? UNKNOWN;
  if (headline === null || severity === "none" || event.isErased) return null;
  const text = headline.startsWith("data.") ? member(event.document, headline) : headline;
  const { message, hint } = event.data.error ?? {};
  return { colour: COLOURS[severity], headline: text, detail: [message, hint].filter((line) => line && line !== text).join(" ") };
}

/** `works`, `broken` or `none` if the event says so, or null if it leaves the state of the connection alone. */
export function connection(event) {
  const state = (DISPLAY[event.type] ?? UNKNOWN)[2];
  if (state === "unchanged" || event.isErased) return null;
  if (state === "data.previousConnectionActive") return event.data.previousConnectionActive ? "works" : "none";
  return state;
}

/** One event of all its pages, in order: the last page with the lists of all of them. */
export function whole(pages) {
  const { page: _, pages: __, ...data } = pages.at(-1).data;
  for (const name of Object.keys(data).filter((key) => Array.isArray(data[key]))) {
    data[name] = pages.flatMap((part) => part.data[name] ?? []);
  }
  return { ...pages.at(-1), data, page: null, document: { ...pages.at(-1).document, data } };
}
