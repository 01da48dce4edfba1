// How the chat page calls the server: JSON, and replies that come as a stream of events.

const PATIENCE = 60000;
const UNREACHABLE = "The server cannot be reached. What you wrote is kept.";

/** What went wrong, in words for the visitor. `status` is 0 where no whole answer came. */
class Failure extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
    this.isGone = status === 401 || status === 404;
  }
}

/** Calls the routes of one bot, with the token that `token()` gives at the time. */
export class Wire {
  constructor(bot, token) {
    this.base = `/v1/bots/${encodeURIComponent(bot)}`;
    this.token = token;
  }

  /** The JSON of the answer. Throws Failure. */
  async ask(method, path, body) {
    const response = await this.request(method, path, body);
    return response.json().catch(() => {
      throw new Failure(UNREACHABLE);
    });
  }

  /** Send a message and return the reply; `hear` gets what there is of it as it grows. Where no whole answer comes it
   *  is sent once more: under the same id it is kept and answered once. Throws Failure. */
  async converse(message, signal, hear) {
    try {
      return await this.exchange(message, signal, hear);
    } catch (error) {
      if (error.status !== 0 || signal.aborted) throw error;
    }
    await new Promise((done) => setTimeout(done, 1000));
    return this.exchange(message, signal, hear);
  }

  async exchange(message, signal, hear) {
    const response = await this.request("POST", "/chat", { ...message, stream: true }, signal);
    let text = "";
    for await (const [name, data] of events(response)) {
      if (name === "reply") return data;
      if (name === "error") throw new Failure(data.error.message, 503);
      if (name === "delta") hear((text += data.text));
    }
    throw new Failure(UNREACHABLE);
  }

  async request(method, path, body, signal) {
    const headers = { Authorization: `Bearer ${this.token()}` };
    if (body) headers["Content-Type"] = "application/json";
    const limit = AbortSignal.timeout(PATIENCE);
    const until = signal ? AbortSignal.any([signal, limit]) : limit;
    const options = { method, headers, body: body && JSON.stringify(body), signal: until };
    const response = await fetch(this.base + path, options).catch(() => {
      throw new Failure(UNREACHABLE);
    });
    if (response.ok) return response;
    const told = await response.json().catch(() => null); // a proxy in between may answer in HTML
    throw new Failure(told?.error?.message ?? `The server answered with status ${response.status}.`, response.status);
  }
}

/** The server-sent events of an answer as [name, data], until it ends or breaks. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read().catch(() => ({ done: true }));
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop(); // an event may come in pieces
    for (const block of blocks) {
      const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/, 2)));
      if (fields.has("data")) yield [fields.get("event"), JSON.parse(fields.get("data"))];
    }
  }
}
