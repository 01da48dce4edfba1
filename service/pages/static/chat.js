// The chat page: one visitor, one session, one bot. What is said is only ever written as text, never as markup.

import { Opinion } from "./chat.opinion.js";
import { Wire } from "./chat.wire.js";

const EVERY = { human: 3000, bot: 15000 }; // how often to look for what a person of the brand says
const HUMAN = "A person has this conversation now; the bot is silent.";
const ENDED = "This conversation has ended.";
const LINK = /https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]]/g;

const at = (id) => document.getElementById(id);
const { bot, brand, key } = at("chat").dataset;
const place = `attune:${bot}`;
const [log, draft] = [at("log"), at("draft")];

let session = null; // {id, token, greeting, given: what the visitor said of which turn}
let shown = new Set(); // the turns that stand on the page
let sending = null; // the AbortController of the message under way
let unsent = null; // the message that failed, with its id
let timer = 0;

const visitor = new Wire(bot, () => session.token);
const stranger = new Wire(bot, () => key);

// ---- The session, kept for as long as the tab is open ----

function remember() {
  try {
    sessionStorage.setItem(place, JSON.stringify(session));
  } catch {
    // Storage may be switched off: then a reload begins anew, and nothing else is lost.
  }
}

function recall() {
  try {
    return JSON.parse(sessionStorage.getItem(place));
  } catch {
    return null;
  }
}

async function begin() {
  const { id, token, greeting } = await stranger.ask("POST", "/sessions");
  sending?.abort();
  session = { id, token, greeting, given: {} };
  remember();
  restart();
  setOwner("bot");
}

/** Go on with the conversation of before, or begin one. */
async function resume() {
  session ??= recall();
  if (session === null) return begin();
  try {
    const found = await visitor.ask("GET", `/sessions/${session.id}`);
    restart();
    take(found);
  } catch (error) {
    if (!error.isGone) throw error;
    await begin();
  }
}

function restart() {
  log.replaceChildren();
  shown = new Set();
  add("assistant", session.greeting);
}

/** Put on the page what was said and does not stand there yet. */
function take(found) {
  for (const turn of found.messages.filter((one) => !shown.has(one.id))) addTurn(turn);
  setOwner(found.owner);
}

function setOwner(owner) {
  const text = owner === "human" ? HUMAN : "";
  if (at("notice").dataset.text !== text) tell("notice", text, "Start over", anew); // said once, not at every look
  clearTimeout(timer);
  timer = setTimeout(() => follow(owner), EVERY[owner]);
}

/** See whether a person has said something; never while a message is under way, whose turns would be shown twice. */
async function follow(owner) {
  const asked = session;
  try {
    const found = sending || document.hidden ? null : await visitor.ask("GET", `/sessions/${asked.id}`);
    if (asked !== session) return;
    if (found && !sending) take(found);
    else setOwner(owner);
  } catch (error) {
    if (asked !== session) return;
    if (!error.isGone) setOwner(owner);
    else if (owner === "human") tell("notice", ENDED, "Start over", anew);
  }
}

// ---- What stands on the page ----

/** Say `text` in a bar, with a button for what can be done about it. Without text the bar goes away. */
function tell(id, text, label, action) {
  const [line, button] = [document.createElement("p"), document.createElement("button")];
  line.textContent = text;
  Object.assign(button, { type: "button", className: "quiet", textContent: label, onclick: action });
  at(id).dataset.text = text;
  keepEnd(() => at(id).replaceChildren(...(text ? [line, button] : [])));
}

/** Do something that may fail, and let the visitor try it again. */
async function attempt(action) {
  tell("problem", "");
  try {
    await action();
  } catch (error) {
    tell("problem", error.message, "Try again", () => attempt(action));
  }
  draft.focus();
}

function anew() {
  return attempt(begin);
}

/** Write text; of all it may hold only addresses of the web become more than text. */
function write(element, text) {
  let end = 0;
  for (const { 0: address, index } of text.matchAll(LINK)) {
    const link = document.createElement("a");
    Object.assign(link, { href: address, textContent: address, target: "_blank", rel: "noopener noreferrer nofollow" });
    element.append(text.slice(end, index), link);
    end = index + address.length;
  }
  element.append(text.slice(end));
}

/** Add a message at the end of the log. */
function add(role, text) {
  const made = at("message").content.firstElementChild.cloneNode(true);
  const who = { user: "You", assistant: `${brand} (bot)`, agent: `${brand} (a person)` };
  made.className = role;
  made.querySelector(".who").textContent = who[role];
  write(made.querySelector(".text"), text);
  keepEnd(() => log.append(made), role === "user");
  return made;
}

function addTurn(turn) {
  const made = add(turn.role, turn.text);
  shown.add(turn.id);
  if (turn.role !== "assistant") return;
  const given = session.given[turn.id] ?? {};
  keepEnd(() => new Opinion(made.querySelector(".after"), turn, given, (said) => judge(turn.id, said)));
}

/** Change the log and stay at its end, unless somebody is reading further up. */
function keepEnd(change, always = false) {
  const scrolled = getComputedStyle(log).overflowY === "visible" ? document.scrollingElement : log; // on low screens
  const isNear = scrolled.scrollHeight - scrolled.scrollTop - scrolled.clientHeight < 150;
  change();
  if (isNear || always) scrolled.scrollTop = scrolled.scrollHeight;
}

// ---- Sending ----

async function deliver(message) {
  const { signal } = (sending = new AbortController());
  const mine = add("user", message.message);
  const growing = add("assistant", "");
  growing.classList.add("growing");
  growing.setAttribute("aria-hidden", "true"); // what is read out is the whole reply, not its pieces
  const hear = (text) => keepEnd(() => (growing.querySelector(".text").textContent = text));
  try {
    const reply = await visitor.converse(message, signal, hear);
    growing.remove();
    if (signal.aborted) return;
    shown.add(reply.message_turn);
    if (reply.reply !== null) addTurn({ ...reply, role: "assistant", id: reply.turn, text: reply.reply });
    setOwner(reply.owner);
  } catch (error) {
    mine.remove();
    if (!signal.aborted) throw error; // else the visitor has begun a new conversation
  } finally {
    growing.remove();
    if (sending?.signal === signal) sending = null;
  }
}

async function submit() {
  const text = draft.value.trim();
  if (!text || sending) return;
  const message = unsent?.message === text ? unsent : { message: text, message_id: newId() };
  tell("problem", "");
  draft.value = "";
  try {
    if (session === null) await begin();
    await deliver(message).catch(async (error) => {
      if (error.status !== 401) throw error;
      await begin(); // the session has ended meanwhile: the message opens the next one
      await deliver(message);
    });
    unsent = null;
  } catch (error) {
    unsent = message;
    draft.value = [text, draft.value].filter(Boolean).join("\n");
    tell("problem", error.message, "Try again", () => (draft.focus(), submit()));
  }
}

/** crypto.randomUUID is there on secure origins only, and servers are tried out over plain HTTP. */
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// ---- What the visitor thinks of a reply ----

async function judge(turn, said) {
  const judged = session;
  try {
    await visitor.ask("POST", "/feedback", { turn, ...said });
  } catch (error) {
    throw error.status === 401 ? new Error(ENDED) : error;
  }
  judged.given[turn] = said;
  remember();
}

// ---- What people do ----

at("anew").onclick = anew;
at("say").onsubmit = (event) => {
  event.preventDefault();
  submit();
};
draft.onkeydown = (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return; // composing: Enter picks a word
  event.preventDefault();
  submit();
};
document.onvisibilitychange = () => session && !document.hidden && follow(at("notice").dataset.text ? "human" : "bot");
attempt(resume);
