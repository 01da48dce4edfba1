// What stands under a reply of the bot: what is known of it, thumbs, and the form of a correction.

const SOURCES = {
  approved: "approved answer",
  retrieved: "earlier reply",
  generated: "generated",
  clarify: "question back",
  handoff: "hand-over",
};
const THANKS = "Thank you. A reviewer will look at it.";
const NOTHING = "Write what the bot should have said, or choose what was meant.";

const clone = (id) => document.getElementById(id).content.cloneNode(true);
const readable = new Map([...clone("opinion").querySelectorAll("option")].map((one) => [one.value, one.text]));

/** The visitor's opinion of one reply. */
export class Opinion {
  /** `given` is what was said of it before; `send` takes all that is said now, and throws what goes wrong. */
  constructor(place, turn, given, send) {
    Object.assign(this, { place, given, send });
    place.append(clone("opinion"));
    this.showFacts(turn);
    for (const thumb of this.thumbs) thumb.onclick = () => this.give({ rating: Number(thumb.dataset.rating) });
    this.showRating();
    this.setUpCorrection();
  }

  get thumbs() {
    return this.place.querySelectorAll("[data-rating]");
  }

  showFacts({ intent, confidence, source, release }) {
    const sure = intent === null ? null : `confidence ${Math.round(confidence * 100)}%`;
    const facts = { Intent: readable.get(intent) ?? intent, Confidence: sure, Source: SOURCES[source] ?? source };
    for (const [name, value] of Object.entries({ ...facts, Release: release }).filter((one) => one[1])) {
      const fact = clone("fact");
      fact.querySelector("dt").textContent = name;
      fact.querySelector("dd").textContent = value;
      this.place.querySelector("dl").append(fact);
    }
  }

  showRating() {
    for (const thumb of this.thumbs) {
      thumb.setAttribute("aria-pressed", Number(thumb.dataset.rating) === this.given.rating);
    }
  }

  setUpCorrection() {
    const [form, opener] = [this.place.querySelector("form"), this.place.querySelector(".correct")];
    const { reply, intent } = form.elements;
    const unfold = (open) => {
      form.hidden = !open;
      opener.setAttribute("aria-expanded", open);
      (open ? reply : opener).focus();
      form.scrollIntoView({ block: "nearest" });
    };
    reply.value = this.given.corrected_reply ?? "";
    intent.value = this.given.corrected_intent ?? "";
    opener.onclick = () => unfold(form.hidden);
    form.querySelector(".cancel").onclick = () => unfold(false);
    form.onkeydown = (event) => {
      if (event.key === "Escape") unfold(false);
    };
    form.onsubmit = async (event) => {
      event.preventDefault();
      const said = { corrected_reply: reply.value.trim() || null, corrected_intent: intent.value || null };
      if (said.corrected_reply || said.corrected_intent) (await this.give(said)) && unfold(false);
      else this.tell(NOTHING);
    };
  }

  /** Send what is said with what was said before: the server keeps the last word on a turn. */
  async give(said) {
    const all = { ...this.given, ...said };
    try {
      await this.send(all);
    } catch (error) {
      this.tell(error.message);
      return false;
    }
    this.given = all;
    this.showRating();
    this.tell(THANKS);
    return true;
  }

  tell(text) {
    const line = this.place.querySelector(".outcome");
    line.textContent = text;
    line.scrollIntoView({ block: "nearest" });
  }
}
