// Controls for readers on a report or status page that this server shows. Nothing is loaded from elsewhere.
// A report names its parts: section[data-lesion="NUMBER"], figure[data-image][data-uid] with a whole picture in it
// (each slice of a CT in an element with data-slice, counted from 1), div#reader-feedback after the first screen.
(() => {
  'use strict';
  const meta = document.querySelector('meta[name="calcinosis-feedback"]');
  if (!meta) return;
  const NAME = 'calcinosis-reader';
  const STEP = 0.01; // of the image, for one press of an arrow key
  const START = [0.4, 0.4, 0.6, 0.6]; // a box that is placed by keys begins here: top, left, bottom, right
  const SHOWN_MS = 8000; // how long a page says that something was stored; what was not stored stays
  const AROUND = 1; // slices before and after the one that is shown

  // ---- small helpers
  const make = (tag, given = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(given)) {
      if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
      else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? '' : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  };
  const clear = (part) => part.replaceChildren();
  const between = (value, low, high) => Math.min(Math.max(value, low), high);
  const store = { get: () => { try { return localStorage.getItem(NAME) || ''; } catch { return ''; } },
                  set: (name) => { try { localStorage.setItem(NAME, name); } catch { /* the name is asked again */ } } };

  async function ask(study, statement) {
    const given = statement && {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Calcinosis-Token': meta.content },
      body: JSON.stringify(statement),
    };
    const answer = await fetch(`/feedback/${study}`, given || {});
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.error || answer.statusText);
    return said;
  }

  // ---- one study: what was said, and the controls that show it
  class Reading {
    constructor(study, state) {
      this.study = study;
      this.state = state;
      this.views = [];
      this.status = make('p', { class: 'fb-status', role: 'status' });
    }

    get reader() { return (this.name ? this.name.value : store.get()).trim(); }

    mine(about) {
      return this.state.said.find((said) => said.about === about && said.reader === this.reader && !said.old);
    }

    async say(statement, done) {
      try {
        this.state = await ask(this.study, { ...statement, reader: this.reader, result: this.state.result });
        this.tell(done);
      } catch (error) {
        this.tell(`Not stored: ${error.message}`, true);
      }
      this.show();
    }

    tell(words, wrong = false) {
      clearTimeout(this.gone);
      this.status.textContent = words;
      if (!wrong) this.gone = setTimeout(() => { this.status.textContent = ''; }, SHOWN_MS);
      this.status.classList.toggle('fb-wrong', wrong);
    }

    show() { this.views.forEach((view) => view()); }

    entity(id) {
      const known = this.state.diagnoses.flatMap((group) => group.entities).find((one) => one.id === id);
      return known ? known.label : id;
    }

    // Two buttons that say whether a lesion is right; pressed again, one takes back what it said.
    lesionButtons(number) {
      const buttons = [['right', 'Right'], ['wrong', 'Wrong']].map(([mark, words]) => make('button', {
        type: 'button', class: 'fb-button', 'data-mark': mark,
        onclick: () => (this.mine(`lesion:${number}`)?.mark === mark
          ? this.say({ mark: 'withdrawn', about: `lesion:${number}` }, `Lesion ${number}: taken back.`)
          : this.say({ mark, lesion: number }, `Lesion ${number}: marked ${mark}.`)),
      }, words));
      const others = make('span', { class: 'fb-note' });
      this.views.push(() => {
        const own = this.mine(`lesion:${number}`);
        buttons.forEach((button) => button.setAttribute('aria-pressed', String(own?.mark === button.dataset.mark)));
        others.textContent = this.state.said
          .filter((said) => said.about === `lesion:${number}` && !said.old && said.reader !== this.reader)
          .map((said) => `${said.reader || 'another reader'}: ${said.mark}`).join(', ');
      });
      return make('div', { class: 'fb-row', role: 'group', 'aria-label': `Is lesion ${number} right?` },
        make('span', { class: 'fb-label' }, `Lesion ${number} is`), ...buttons, others);
    }

    // The final diagnosis: an entity of the knowledge, or free words.
    diagnosis(id) {
      const OTHER = '-other';
      const other = make('input', { type: 'text', maxlength: '200', hidden: true, 'aria-label': 'Other diagnosis' });
      const select = make('select', { id, onchange: () => { other.hidden = select.value !== OTHER; } },
        make('option', { value: '' }, 'not told'),
        ...this.state.diagnoses.map((group) => make('optgroup', { label: group.label },
          ...group.entities.map((one) => make('option', { value: one.id }, one.label)))),
        make('option', { value: OTHER }, 'other …'));
      const save = make('button', { type: 'button', class: 'fb-button', onclick: () => {
        const about = 'diagnosis';
        if (!select.value) return this.say({ mark: 'withdrawn', about }, 'Diagnosis taken back.');
        if (select.value === OTHER) return this.say({ mark: about, other: other.value }, `Diagnosis: ${other.value}.`);
        return this.say({ mark: about, entity: select.value }, `Diagnosis: ${this.entity(select.value)}.`);
      } }, 'Save diagnosis');
      this.views.push(() => {
        const own = this.mine('diagnosis');
        if (document.activeElement !== select && document.activeElement !== other) {
          select.value = own ? own.entity || OTHER : '';
          other.value = own?.other || '';
          other.hidden = select.value !== OTHER;
        }
      });
      return make('div', { class: 'fb-row' }, make('label', { for: id, class: 'fb-label' }, 'Final diagnosis'), select, other, save);
    }

    // Who reads; not required, kept in this browser.
    readerField(id) {
      this.name = make('input', { id, type: 'text', maxlength: '200', autocomplete: 'off', value: store.get(),
        onchange: () => { store.set(this.reader); this.show(); } });
      return make('div', { class: 'fb-row' }, make('label', { for: id, class: 'fb-label' }, 'Your name (may stay empty)'), this.name);
    }

    // All that was said, newest last; own boxes can be taken back.
    list() {
      const rows = make('ul', { class: 'fb-said' });
      this.views.push(() => {
        clear(rows);
        for (const said of this.state.said) {
          const when = new Date(said.time * 1000).toISOString().slice(0, 16).replace('T', ' ');
          const words = said.mark === 'diagnosis' ? `diagnosis ${said.entity ? this.entity(said.entity) : said.other}`
            : said.mark === 'missed' ? `missed on image ${this.place(said)}`
              : `lesion ${said.lesion} ${said.mark}${said.old ? ' (of an earlier analysis)' : ''}`;
          const back = said.mark === 'missed' && said.reader === this.reader ? make('button', { type: 'button', class: 'fb-button',
            'aria-label': `Remove: ${words}`, onclick: () => this.say({ mark: 'withdrawn', about: said.about }, 'Box removed.') }, 'Remove') : null;
          rows.append(make('li', {}, `${words} `, make('span', { class: 'fb-note' }, `${said.reader ? `${said.reader}, ` : ''}${when} UTC `), back));
        }
        if (!this.state.said.length) rows.append(make('li', { class: 'fb-note' }, 'nothing yet'));
      });
      return rows;
    }

    place(said) {
      const number = this.state.images.findIndex((image) => image.uid === said.image) + 1;
      const slices = said.box.length && said.box[0].length === 3 ? `, slices ${said.box[0][0] + 1} to ${said.box[1][0] + 1}` : '';
      return `${number}${slices}`;
    }
  }

  // ---- a report
  const headingOf = (part) => part.querySelector('h2, h3, summary');

  function lesionCard(number) {
    return [...document.querySelectorAll(`[data-lesion="${number}"]`)].find((part) => /^(SECTION|ARTICLE|DETAILS|DIV|LI)$/.test(part.tagName))
      || document.querySelector(`section[aria-labelledby="lesion${number}"]`);
  }

  function report(reading) {
    let place = document.getElementById('reader-feedback');
    if (!place) {
      place = make('div', { id: 'reader-feedback' });
      const first = document.querySelector('main section, main .two') || document.querySelector('main');
      (first.closest('.two') || first).after(place);
    }
    place.hidden = false;
    const loose = [];
    for (const { id } of reading.state.lesions) {
      const card = lesionCard(id);
      const buttons = reading.lesionButtons(id);
      if (card && headingOf(card)?.tagName !== 'SUMMARY') (headingOf(card) || card.firstElementChild).after(buttons);
      else loose.push(buttons);
    }
    place.append(make('section', { class: 'card fb-card', 'aria-labelledby': 'fb-title' },
      make('h2', { id: 'fb-title' }, 'Your reading'),
      make('p', { class: 'fb-note' }, 'What you say is stored on the server that shows this page, for the calibration of this site. '
        + 'Say of each lesion whether it is right; “Mark missed” below an image draws a box around what was not found.'),
      reading.readerField('fb-reader'), reading.diagnosis('fb-diagnosis'), ...loose,
      make('h3', {}, 'Said so far'), reading.list(), reading.status));
    reading.state.images.forEach((image, index) => figures(image, index + 1).forEach((figure) => missed(reading, image, figure, index + 1)));
  }

  // Figures that show an image as it is stored; projections of a CT have no slice and are left out, crops too.
  function figures(image, number) {
    const named = [...document.querySelectorAll('figure[data-uid]')].filter((figure) => figure.dataset.uid === image.uid);
    const counted = [...document.querySelectorAll(`figure[data-image="${number}"]`)].filter((figure) => !figure.dataset.uid);
    const whole = [...named, ...counted].filter((figure) => !figure.closest('[data-lesion]'));
    return whole.filter((figure) => image.kind !== 'ct' || sheetOf(figure) !== null);
  }

  const isShown = (part) => part.getClientRects().length > 0;

  // Of the slices of a CT, the one that is in view: the one most of which lies inside the window they scroll in.
  function sheetOf(figure) {
    const sheets = [...figure.querySelectorAll('[data-slice]')].filter(isShown);
    const view = (figure.querySelector('.reel') || figure).getBoundingClientRect();
    const inView = (sheet) => {
      const at = sheet.getBoundingClientRect();
      return Math.max(0, Math.min(at.bottom, view.bottom) - Math.max(at.top, view.top))
        * Math.max(0, Math.min(at.right, view.right) - Math.max(at.left, view.left));
    };
    return sheets.length ? sheets.reduce((best, sheet) => (inView(sheet) > inView(best) ? sheet : best)) : null;
  }

  const pictureOf = (place) => [...place.querySelectorAll('svg.plate, img, canvas')].find(isShown);

  // A box around what was not found, drawn with the pointer or placed with the arrow keys.
  function missed(reading, image, figure, number) {
    const open = make('button', { type: 'button', class: 'fb-button fb-open', 'aria-expanded': 'false' }, 'Mark missed');
    const bar = make('div', { class: 'fb-row fb-bar' }, open);
    figure.append(bar);
    let tools = null;

    const close = () => {
      tools?.layer.remove();
      tools?.bar.remove();
      tools = null;
      open.setAttribute('aria-expanded', 'false');
      open.focus();
    };
    open.addEventListener('click', () => (tools ? close() : begin()));

    function begin() {
      const sheet = image.kind === 'ct' ? sheetOf(figure) : figure;
      const picture = sheet && pictureOf(sheet);
      if (!picture) { reading.tell('Open the image first.', true); return; }
      let box = null;
      const outline = make('div', { class: 'fb-box', hidden: true });
      const layer = make('div', { class: 'fb-layer', tabindex: '0', role: 'application',
        'aria-label': `Image ${number}: drag a box around what was missed. Arrow keys move it, Shift with arrow keys sizes it, Enter saves, Escape ends.` }, outline);
      over(picture, layer);
      const draw = () => {
        outline.hidden = !box;
        save.disabled = !box;
        if (!box) return;
        const [top, left, bottom, right] = box;
        Object.assign(outline.style, { top: `${100 * top}%`, left: `${100 * left}%`, height: `${100 * (bottom - top)}%`, width: `${100 * (right - left)}%` });
      };
      const at = (event) => {
        const around = layer.getBoundingClientRect();
        return [between((event.clientY - around.top) / around.height, 0, 1), between((event.clientX - around.left) / around.width, 0, 1)];
      };
      let from = null;
      layer.addEventListener('pointerdown', (event) => {
        from = at(event);
        layer.setPointerCapture(event.pointerId);
        event.preventDefault();
        layer.focus({ preventScroll: true });
      });
      layer.addEventListener('pointermove', (event) => {
        if (!from) return;
        const to = at(event);
        box = [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.max(from[0], to[0]), Math.max(from[1], to[1])];
        draw();
      });
      layer.addEventListener('pointerup', () => { from = null; });
      layer.addEventListener('keydown', (event) => {
        const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
        if (way) {
          box = box || [...START];
          const [down, aside] = way.map((part) => part * STEP);
          if (event.shiftKey) box = [box[0], box[1], between(box[2] + down, box[0] + STEP, 1), between(box[3] + aside, box[1] + STEP, 1)];
          else if (box[0] + down >= 0 && box[2] + down <= 1 && box[1] + aside >= 0 && box[3] + aside <= 1) box = [box[0] + down, box[1] + aside, box[2] + down, box[3] + aside];
          draw();
        } else if (event.key === 'Enter' && box) send();
        else if (event.key === 'Escape') close();
        else return;
        event.preventDefault();
        event.stopPropagation();
      });
      const count = image.shape[0];
      const here = Number(sheet.dataset.slice || 1);
      const slice = (words, value) => make('input', { type: 'number', min: '1', max: String(count), value: String(between(value, 1, count)), 'aria-label': words });
      const ends = image.kind === 'ct' ? [slice('First slice', here - AROUND), slice('Last slice', here + AROUND)] : [];
      const send = async () => {
        const slices = ends.length ? { slices: ends.map((end) => Number(end.value)) } : {};
        await reading.say({ mark: 'missed', image: image.uid, box, ...slices }, `Missed lesion marked on image ${number}.`);
        close();
      };
      const save = make('button', { type: 'button', class: 'fb-button', disabled: true, onclick: send }, 'Save box');
      const end = make('button', { type: 'button', class: 'fb-button', onclick: close }, 'Cancel');
      const range = ends.length ? [make('span', { class: 'fb-note' }, 'slices'), ends[0], make('span', { class: 'fb-note' }, 'to'), ends[1]] : [];
      const controls = make('span', { class: 'fb-row' }, ...range, save, end, make('span', { class: 'fb-note' }, 'Drag on the image, or use the arrow keys (Shift sizes).'));
      bar.append(controls);
      tools = { layer, bar: controls };
      open.setAttribute('aria-expanded', 'true');
      draw();
      layer.focus({ preventScroll: true });
    }

    // Boxes on a radiograph stay visible; on a CT they are listed, since one figure may show many slices.
    if (image.kind !== 'ct') {
      const drawn = [];
      reading.views.push(() => {
        drawn.splice(0).forEach((part) => part.remove());
        const picture = pictureOf(figure);
        if (!picture) return;
        for (const said of reading.state.said.filter((one) => one.mark === 'missed' && one.image === image.uid)) {
          const [[r0, c0], [r1, c1]] = said.box;
          const [rows, columns] = image.shape;
          const outline = make('div', { class: 'fb-box' });
          Object.assign(outline.style, { top: `${100 * r0 / rows}%`, left: `${100 * c0 / columns}%`, height: `${100 * (r1 + 1 - r0) / rows}%`, width: `${100 * (c1 + 1 - c0) / columns}%` });
          const sheet = make('div', { class: 'fb-layer fb-still' }, outline);
          over(picture, sheet);
          drawn.push(sheet);
        }
      });
    }
  }

  // Lay a part exactly over a picture, so that it moves and grows with it.
  function over(picture, layer) {
    const parent = picture.parentElement;
    if (getComputedStyle(parent).position === 'static') parent.style.position = 'relative';
    parent.append(layer);
    const [inner, outer] = [picture.getBoundingClientRect(), parent.getBoundingClientRect()];
    Object.assign(layer.style, {
      left: `${100 * (inner.left - outer.left) / outer.width}%`, top: `${100 * (inner.top - outer.top) / outer.height}%`,
      width: `${100 * inner.width / outer.width}%`, height: `${100 * inner.height / outer.height}%`,
    });
  }

  // ---- the status page: the diagnosis and the lesions of a study, on demand
  function rows() {
    for (const place of document.querySelectorAll('[data-feedback]')) {
      const study = place.dataset.feedback;
      const said = place.textContent;
      const details = make('details', { class: 'fb-details' }, make('summary', {}, said || 'Your reading'));
      details.addEventListener('toggle', async () => {
        if (!details.open || details.dataset.ready) return;
        details.dataset.ready = 'yes';
        try {
          const reading = new Reading(study, await ask(study));
          const id = `fb-${study}`;
          details.append(reading.readerField(`${id}-reader`), reading.diagnosis(`${id}-diagnosis`),
            ...reading.state.lesions.map((lesion) => reading.lesionButtons(lesion.id)),
            make('p', { class: 'fb-note' }, 'What was missed is marked on the images of the ',
              make('a', { href: `/results/${study}/studies/${study}/report.html#reader-feedback` }, 'report'), '.'),
            reading.status);
          reading.show();
        } catch (error) {
          details.append(make('p', { class: 'fb-wrong' }, error.message));
        }
      });
      place.replaceChildren(details);
    }
  }

  const STYLE = `
.fb-row{display:flex;flex-wrap:wrap;gap:8px;align-items:center;margin:6px 0}
.fb-label{font-weight:600}
.fb-note{opacity:.85;font-size:.9em}
.fb-button,.fb-row select,.fb-row input{font:inherit;padding:4px 10px;min-height:32px;border-radius:6px;border:1px solid currentColor;background:var(--card,Canvas);color:var(--ink,CanvasText)}
.fb-row input[type=number]{width:5.5em}.fb-row input[type=text]{min-width:14em}
.fb-button{cursor:pointer}.fb-button:disabled{opacity:.5;cursor:default}
.fb-button[aria-pressed=true]{background:var(--ink,CanvasText);color:var(--card,Canvas)}
.fb-button[aria-pressed=true]::before{content:"✓ "}
.fb-row :focus-visible,.fb-layer:focus-visible,.fb-details summary:focus-visible{outline:3px solid var(--bar,Highlight);outline-offset:2px}
.fb-said{margin:.3em 0;padding-left:1.2em}
.fb-status:not(:empty){position:fixed;right:14px;bottom:14px;z-index:20;margin:0;max-width:26rem;padding:8px 14px;border:1px solid currentColor;border-radius:6px;background:var(--card,Canvas);color:var(--ink,CanvasText)}
.fb-status.fb-wrong,.fb-wrong{color:var(--against,#b3261e);font-weight:600}
.fb-layer{position:absolute;z-index:5;cursor:crosshair;touch-action:none}
.fb-still{pointer-events:none;z-index:4}
.fb-box{position:absolute;border:2px solid #ffd400;box-shadow:0 0 0 1px #000,inset 0 0 0 1px #000;box-sizing:border-box}
.fb-box[hidden]{display:none}
@media print{.fb-card,.fb-row,.fb-layer{display:none}}`;

  async function start() {
    document.head.append(make('style', {}, STYLE));
    rows();
    const study = meta.dataset.study;
    if (!study) return;
    try {
      const reading = new Reading(study, await ask(study));
      report(reading);
      reading.show();
      document.documentElement.dataset.feedback = 'ready';
      if (location.hash === '#reader-feedback') document.getElementById('reader-feedback').scrollIntoView();
    } catch (error) {
      console.error(`reader feedback: ${error.message}`);
    }
  }
  start();
})();
