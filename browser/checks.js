// What axe would look for, by hand: each function gives a list of faults in
// words, empty when all is well. Loaded before the page, run when it is drawn.

window.checks = (() => {
  const shown = n => n.checkVisibility({ opacityProperty: false, visibilityProperty: true }) && n.getClientRects().length > 0;
  const path = n => n.nodeName.toLowerCase() + (n.id ? "#" + n.id : "") + (n.getAttribute("class") ? "." + n.getAttribute("class").replaceAll(" ", ".") : "");
  const hidden = n => n.closest(".vh, [aria-hidden=true] title, title, noscript");

  function rgba(text) {
    const m = text.match(/[\d.]+/g)?.map(Number) || [0, 0, 0, 0];
    return m.length < 4 ? [...m, 1] : m;
  }
  const over = (top, below) => [0, 1, 2].map(k => top[k] * top[3] + below[k] * (1 - top[3])).concat(1);
  const gray = c => {
    const y = 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
    return [y, y, y, c[3]];
  };
  const light = c => {
    const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  function ratio(a, b) {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  }

  // ground gives the colour behind a node.
  function ground(n) {
    const layers = [];
    for (; n && n.nodeType === 1; n = n.parentNode) {
      const c = rgba(getComputedStyle(n).backgroundColor);
      if (c[3] > 0) layers.push(c);
      if (c[3] === 1) break;
      if (n.localName === "dialog") break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  }
  const dulled = n => {
    for (; n && n.nodeType === 1; n = n.parentNode) if (getComputedStyle(n).filter.includes("grayscale")) return true;
    return false;
  };

  function pairs() {
    const found = new Map();
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let t; (t = walk.nextNode());) {
      const n = t.parentElement;
      if (!t.data.trim() || hidden(n) || !shown(n)) continue;
      const style = getComputedStyle(n), size = parseFloat(style.fontSize), bold = style.fontWeight >= 700;
      let ink = rgba(n instanceof SVGElement ? style.fill : style.color), back = ground(n);
      ink = over(ink, back);
      if (dulled(n)) [ink, back] = [gray(ink), gray(back)];
      const need = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5, got = ratio(ink, back);
      const key = path(n) + ink + back;
      if (!found.has(key)) found.set(key, { what: path(n) + " “" + t.data.trim().slice(0, 30) + "”", got, need });
    }
    return [...found.values()];
  }

  // contrast of texts, and of what tells something without text.
  function contrast() {
    const bad = pairs().filter(p => p.got < p.need).map(p => `${p.what} has ${p.got.toFixed(2)}:1, needs ${p.need}`);
    const also = (selector, property) => {
      for (const n of document.querySelectorAll(selector)) {
        if (!shown(n)) continue;
        const back = ground(n.parentNode), got = ratio(over(rgba(getComputedStyle(n)[property]), back), back);
        if (got < 3) bad.push(`${path(n)} ${property} has ${got.toFixed(2)}:1, needs 3`);
      }
    };
    for (const n of document.querySelectorAll("[placeholder]")) {
      const got = ratio(rgba(getComputedStyle(n, "::placeholder").color), ground(n));
      if (got < 4.5) bad.push(`the placeholder of ${path(n)} has ${got.toFixed(2)}:1`);
    }
    also("rect.bar, line.mark", "stroke");
    also("button, select, input[type=search], fieldset", "borderTopColor");
    return [...new Set(bad)];
  }
  const least = () => Math.min(...pairs().map(p => p.got / p.need * 4.5));

  function structure() {
    const bad = [], all = s => [...document.querySelectorAll(s)];
    const one = (s, what) => all(s).length === 1 || bad.push(`${all(s).length} of ${what}`);
    one("main", "main");
    one("h1", "h1");
    one("body > header", "banner");
    one("body > footer", "contentinfo");
    if (document.documentElement.lang !== "en") bad.push("no language");
    const ids = all("[id]").map(n => n.id);
    for (const id of ids) if (ids.filter(x => x === id).length > 1) bad.push("id twice: " + id);
    for (const a of ["aria-labelledby", "aria-describedby", "for"]) {
      for (const n of all(`[${a}]`)) for (const id of n.getAttribute(a).split(" ")) if (!document.getElementById(id)) bad.push(`${path(n)} ${a} ${id}: not there`);
    }
    let level = 0;
    const scope = document.querySelector("dialog[open]") || document.body;
    for (const h of scope.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
      if (!shown(h)) continue;
      const own = +h.localName[1];
      if (level && own > level + 1) bad.push(`h${level} is followed by h${own} “${h.textContent.slice(0, 30)}”`);
      level = own;
      if (!h.textContent.trim()) bad.push("an empty " + path(h));
    }
    for (const s of all("svg")) {
      const named = s.getAttribute("aria-label") && ["img", "group"].includes(s.getAttribute("role"));
      if (!named && s.getAttribute("aria-hidden") !== "true" && !s.closest("[aria-hidden=true]")) bad.push("an svg without a name: " + path(s) + " in " + path(s.parentNode));
    }
    for (const i of all("img")) if (!i.hasAttribute("alt")) bad.push("an img without alt");
    for (const t of all("table")) {
      if (!t.caption?.textContent.trim()) bad.push("a table without a caption");
      for (const h of t.querySelectorAll("th")) if (!h.scope) bad.push("a th without a scope");
      for (const r of t.tBodies[0].rows) {
        if (!r.querySelector("th[scope=row]")) bad.push("a row without a head");
        if (r.cells.length !== t.tHead.rows[0].cells.length) bad.push("a row of another length than the head");
      }
    }
    for (const l of all("ol, ul")) for (const k of l.children) if (k.localName !== "li") bad.push(`${path(l)} has a ${k.localName}`);
    for (const n of all("[tabindex]")) if (n.tabIndex > 0) bad.push(path(n) + " has a tabindex above 0");
    for (const n of all("[style]:not(#alerts .said)")) bad.push(path(n) + " has a style of its own: " + n.getAttribute("style"));
    const live = document.querySelector("[aria-live=polite]");
    if (!live || live.getAttribute("role") !== "status") bad.push("no live region");
    for (const n of all("a[href], button, select, input:not([type=radio]), summary")) {
      const r = n.getBoundingClientRect();
      if (shown(n) && !n.closest("svg") && !n.matches(".skip") && (r.width < 24 || r.height < 18)) bad.push(path(n) + " is too small to be hit: " + r.width + "x" + r.height);
    }
    return [...new Set(bad)];
  }

  // wide names what makes the page wider than the window.
  function wide() {
    const most = innerWidth;
    if (document.scrollingElement.scrollWidth <= most && !document.querySelector("dialog[open]")) return [];
    return [...document.querySelectorAll("body *")].filter(n => shown(n) && !n.closest("svg, .vh, .skip, .who") && n.getBoundingClientRect().right > most + 1).map(path).slice(0, 5);
  }

  return { contrast, least, structure, wide };
})();
