const COLOUR = "#ff2d78"; // seen on nearly every photograph; only the canvas's alpha is the mask
const SIZES_PX = [4, 160]; // of the brush on the screen, as a hand needs it
const STEP = 1.25; // what [ and ] change the size by
const MOST_UNDONE = 50; // steps; what is older is drawn only once
const REST_MS = 500; // without a stroke, until the mask is sent
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LABEL = "Mask on the picture. The arrow keys move the brush, with Shift they draw; "
  + "the space bar draws a dot.";

const DRAW = {
  stroke(context, { erases, size_px, points }) {
    for (const at of points.keys()) drawSegment(context, erases, size_px, points, at);
  },
  invert(context) {
    context.globalCompositeOperation = "source-out";
    context.fillStyle = COLOUR;
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  },
  clear(context) {
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  },
};

function drawSegment(context, erases, size_px, points, at) {
  const [x, y] = points[at];
  const [fromX, fromY] = points[at - 1] ?? [x - 0.01, y]; // without any length, nothing is drawn
  context.globalCompositeOperation = erases ? "destination-out" : "source-over";
  context.strokeStyle = COLOUR;
  context.lineCap = "round";
  context.lineWidth = size_px + (erases ? 2 : 0); // more than the brush's soft edge
  context.beginPath();
  context.moveTo(fromX, fromY);
  context.lineTo(x, y);
  context.stroke();
}

class Drawing {
  constructor(root, { picture, width_px, height_px, start }) {
    this.root = root;
    this.stage = root.querySelector(".stage");
    this.canvas = root.querySelector("canvas");
    this.ring = root.querySelector(".ring");
    this.slider = root.querySelector("input");
    // The base is what can be undone no more; on it come the steps that can.
    [this.context, this.base] = [this.canvas, document.createElement("canvas")].map((canvas) => {
      Object.assign(canvas, { width: width_px, height: height_px });
      return canvas.getContext("2d");
    });
    Object.assign(this, { done: [], undone: [], stroke: null, place: [0.5, 0.5], size_px: 32 });
    this.isSent = true;
    this.stage.style.aspectRatio = `${width_px} / ${height_px}`;
    // The tools stay in sight of all but the narrowest pictures.
    this.stage.style.width = `clamp(160px, ${(75 * width_px) / height_px}vh, 100%)`;
    this.canvas.setAttribute("aria-label", LABEL);
    root.querySelector("img").src = picture;
    this.listen();
    this.choose(false);
    this.resize(this.size_px);
    this.load(start);
  }

  async load(start) {
    if (start) {
      const image = Object.assign(new Image(), { src: start });
      await image.decode();
      this.base.drawImage(image, 0, 0);
    }
    this.isReady = true;
    this.redraw();
  }

  listen() {
    const { canvas, slider, root } = this;
    for (const button of root.querySelectorAll("button")) {
      button.onclick = () => this[button.dataset.does]();
    }
    const [least, most] = SIZES_PX.map(Math.log);
    slider.oninput = () => {
      this.resize(Math.exp(least + slider.value * (most - least)));
      this.point([0.5, 0.5]);
    };
    slider.onpointerup = slider.onblur = () => { this.ring.hidden = true; };
    root.onkeydown = (event) => this.press(event);
    canvas.onpointerdown = (event) => this.begin(event);
    canvas.onpointermove = (event) => this.move(event);
    canvas.onpointerup = (event) => this.end(event);
    canvas.onpointercancel = (event) => this.end(event); // a second finger came: it is no stroke
    canvas.onpointerleave = canvas.onblur = () => { this.ring.hidden = true; };
    // Whoever turns away may press a button that needs the mask: it is sent before that.
    root.onpointerleave = (event) => { if (event.pointerType === "mouse") this.send(); };
    this.leave = (event) => { if (!event.composedPath().includes(root)) this.send(); };
    document.addEventListener("pointerdown", this.leave, true);
    root.onfocusout = (event) => { if (!root.contains(event.relatedTarget)) this.send(); };
  }

  close() {
    document.removeEventListener("pointerdown", this.leave, true);
    clearTimeout(this.timer);
  }

  // Strokes: their points are the canvas's pixels, whatever the screen's and the zoom are.

  shareOf(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  pixelOf([x, y]) {
    return [x * this.canvas.width, y * this.canvas.height];
  }

  begin(event) {
    if (!this.isReady || this.stroke || ![0, 5].includes(event.button)) return;
    this.root.classList.remove("keyed");
    this.canvas.focus({ preventScroll: true }); // for the keys, also after a finger's stroke
    this.canvas.setPointerCapture(event.pointerId);
    const erases = this.erases || event.button === 5; // a pen's other end
    this.stroke = this.newStroke(erases, event.pointerId);
    this.move(event);
  }

  newStroke(erases, pointer) {
    clearTimeout(this.timer);
    const scale = this.canvas.width / this.canvas.getBoundingClientRect().width;
    return { kind: "stroke", erases, size_px: this.size_px * scale, points: [], pointer };
  }

  move(event) {
    if (this.stroke && this.stroke.pointer !== event.pointerId) return;
    this.point(this.shareOf(event));
    if (!this.stroke) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const one of passed.length ? passed : [event]) this.extend(this.shareOf(one));
  }

  extend(share) {
    const { erases, size_px, points } = this.stroke;
    points.push(this.pixelOf(share));
    drawSegment(this.context, erases, size_px, points, points.length - 1);
  }

  end(event) {
    if (this.stroke?.pointer !== event.pointerId) return;
    const stroke = this.stroke;
    this.stroke = null;
    this.ring.hidden = event.pointerType === "touch";
    if (event.type === "pointercancel") this.redraw();
    else this.add(stroke);
  }

  // Steps: done ones are kept, so that they can be undone; a new one ends what could be redone.

  add(step) {
    this.done.push(step);
    this.undone = [];
    if (this.done.length > MOST_UNDONE) {
      const oldest = this.done.shift();
      DRAW[oldest.kind](this.base, oldest);
    }
    this.changed();
  }

  apply(step) {
    if (this.stroke || !this.isReady) return;
    DRAW[step.kind](this.context, step);
    this.add(step);
  }

  redraw() {
    DRAW.clear(this.context);
    this.context.globalCompositeOperation = "source-over";
    this.context.drawImage(this.base.canvas, 0, 0);
    for (const step of this.done) DRAW[step.kind](this.context, step);
    this.showSteps();
  }

  undo() { this.shift(this.done, this.undone); }

  redo() { this.shift(this.undone, this.done); }

  shift(from, to) {
    if (this.stroke || !from.length) return;
    to.push(from.pop());
    this.redraw();
    this.changed();
  }

  invert() { this.apply({ kind: "invert" }); }

  clear() { this.apply({ kind: "clear" }); }

  // Tools

  brush() { this.choose(false); }

  eraser() { this.choose(true); }

  choose(erases) {
    this.erases = erases;
    this.root.classList.toggle("erases", erases);
    this.button("brush").setAttribute("aria-pressed", !erases);
    this.button("eraser").setAttribute("aria-pressed", erases);
  }

  button(does) {
    return this.root.querySelector(`[data-does=${does}]`);
  }

  showSteps() {
    this.button("undo").disabled = !this.done.length;
    this.button("redo").disabled = !this.undone.length;
  }

  resize(size_px) {
    const [least, most] = SIZES_PX;
    this.size_px = Math.min(Math.max(size_px, least), most);
    this.slider.value = Math.log(this.size_px / least) / Math.log(most / least);
    this.slider.setAttribute("aria-valuetext", `${Math.round(this.size_px)} pixels`);
    this.ring.style.width = this.ring.style.height = `${this.size_px}px`;
    if (!this.ring.hidden) this.point(this.place);
  }

  point(share) {
    this.place = share;
    const [x, y] = [this.stage.clientWidth * share[0], this.stage.clientHeight * share[1]];
    this.ring.style.translate = `calc(${x}px - 50%) calc(${y}px - 50%)`;
    this.ring.hidden = false;
  }

  press(event) {
    this.root.classList.add("keyed");
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const orders = { b: "brush", e: "eraser" };
    if (event.ctrlKey || event.metaKey) orders.z = event.shiftKey ? "redo" : "undo";
    if (event.ctrlKey || event.metaKey) orders.y = "redo";
    if (key === "[") this.resize(this.size_px / STEP);
    else if (key === "]") this.resize(this.size_px * STEP);
    else if (orders[key]) this[orders[key]]();
    else if (event.target !== this.canvas || !this.walk(event)) return;
    event.preventDefault();
  }

  walk(event) {
    const step = ARROWS[event.key] ?? (event.key === " " ? [0, 0] : null);
    if (!step || this.stroke || !this.isReady) return false;
    const sides = [this.stage.clientWidth, this.stage.clientHeight];
    const before = this.place;
    this.point(before.map((at, axis) => {
      const to = at + (step[axis] * this.size_px) / 2 / sides[axis];
      return Math.min(Math.max(to, 0), 1);
    }));
    if (event.shiftKey || event.key === " ") {
      this.stroke = this.newStroke(this.erases);
      for (const share of [before, this.place]) this.extend(share);
      const stroke = this.stroke;
      this.stroke = null;
      this.add(stroke);
    }
    return true;
  }

  // Sending: not while a stroke is drawn, and not after each, but when the hand rests.

  changed() {
    this.showSteps();
    this.isSent = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), REST_MS);
  }

  send() {
    clearTimeout(this.timer);
    if (this.isSent || this.stroke) return;
    this.isSent = true;
    this.tell(this.canvas.toDataURL("image/png"));
  }
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".mask");
  root.drawing ??= new Drawing(root, data); // later runs change nothing of it
  root.drawing.tell = (mask) => setTriggerValue("mask", mask);
  return () => root.drawing.close();
}
