// The status page of defib: pieces, words, what is asked of the API
// (status/api.go), what that means, what is drawn, what people do.
//
// All that a container says is hostile. It enters the page as text nodes and
// never as markup, isolated from the direction of what surrounds it.

const $ = id => document.getElementById(id);
const active = () => document.activeElement;
const json = JSON.stringify;

// make gives an element of "tag.class"; parts are attributes, texts and nodes.
function make(space, spec, parts) {
	const [tag, ...classes] = spec.split(".");
	const n = document.createElementNS("http://www.w3.org/" + space, tag);
	if (classes.length) n.setAttribute("class", classes.join(" "));
	for (const p of parts.flat(9)) {
		if (p == null || p === false || p === "") continue;
		if (typeof p !== "object" || p instanceof Node) n.append(p);
		else for (const [k, v] of Object.entries(p)) if (v != null && v !== false) n.setAttribute(k, v);
	}
	return n;
}
const el = (spec, ...parts) => make("1999/xhtml", spec, parts);
const svg = (spec, ...parts) => make("2000/svg", spec, parts);
const icon = name => svg("svg.i.i-" + name, { "aria-hidden": "true" }, svg("use", { href: "#i-" + name }));
const pair = (name, ...what) => el("div", el("dt", name), el("dd", what));
const shape = (name, words) => el("span.shape." + name, icon(name), " ", words);

const TERMINAL = /\x1b\[[0-?]*[ -/]*[@-~]/g;
const UNSEEN = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

// clean cuts a text, and shows what would turn or hide its letters as U+FFFD.
function clean(text, most = 300) {
	text = String(text ?? "");
	if (text.length > most) text = text.slice(0, most).replace(/[\ud800-\udbff]$/, "") + "…";
	return text.replace(TERMINAL, "").replace(UNSEEN, "\ufffd");
}
const said = (text, most) => el("bdi", clean(text, most));

// keyed brings the children of a node in line with items, and touches those
// that have not changed not at all. The focus stays where it was.
function keyed(parent, items, key, mark, render) {
	const had = parent.kept || new Map(), keep = new Map(), keys = new Set(items.map(key));
	const focus = parent.contains(active()) && active().dataset.f;
	for (const [k, n] of had) if (!keys.has(k)) n.remove();
	let place = parent.firstChild;
	for (const item of items) {
		const k = key(item), m = mark(item);
		if (keep.has(k)) continue;
		let n = had.get(k);
		if (!n || n.mark !== m) {
			const fresh = render(item);
			fresh.mark = m;
			if (n) {
				if (n === place) place = fresh;
				n.replaceWith(fresh);
			}
			n = fresh;
		}
		keep.set(k, n);
		if (n === place) place = place.nextSibling;
		else parent.insertBefore(n, place);
	}
	parent.kept = keep;
	if (focus && !parent.contains(active())) parent.querySelector(`[data-f="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
}

// ---- words

// skew is by how much the server's clock is ahead; stopped is the time at which
// all durations stand still, while nothing is heard.
let skew = 0, stopped = 0;
const now = () => stopped || Date.now() + skew;
const ms = t => typeof t === "number" ? t : Math.max(0, t && Date.parse(t) || 0); // Go's zero time is none

const two = (n, large, largeName, small, smallName) =>
	Math.floor(n / large) + " " + largeName + (Math.floor(n % large / small) ? " " + Math.floor(n % large / small) + " " + smallName : "");

// words gives a duration as the alerts do.
function words(d) {
	const s = Math.max(0, Math.round(d / 1000));
	if (s < 60) return s + " s";
	if (s < 3600) return two(s, 60, "min", 1, "s");
	if (s < 86400) return two(s, 3600, "h", 60, "min");
	return two(s, 86400, "d", 3600, "h");
}

const format = options => new Intl.DateTimeFormat("en-GB", options);
const HM = format({ hour: "2-digit", minute: "2-digit" });
const HMS = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = format({ day: "numeric", month: "short" });
const FULL = format({ dateStyle: "full", timeStyle: "long" });

function clock(t, form = HM) {
	const text = form.format(t);
	return DAY.format(t) === DAY.format(now()) ? text : DAY.format(t) + " " + text;
}
// time, lasting and left take milliseconds, or a time of the API.
const time = (t, form) => el("time", { datetime: new Date(t).toISOString(), title: FULL.format(t = ms(t)) }, clock(t, form));

// ticking gives a text that is brought up to date every second.
function ticking(text) {
	const n = el("span.tick", text());
	n.tick = text;
	return n;
}
const lasting = t => ticking(() => words(now() - ms(t)));
const left = t => ticking(() => ms(t) - now() < 1000 ? "now" : "in " + words(ms(t) - now()));

const count = (n, one, many = one + "s") => n + " " + (n === 1 ? one : many);
const whose = x => [x.project, x.service].filter(Boolean).join("/");
const titled = title => clean(title).replace(/^\[(FIRING|RESOLVED|STARTED|TEST)\] /, "");

// listed names at most three.
function listed(names) {
	const parts = names.slice(0, 3).flatMap((n, i) => [i ? ", " : "", said(n, 60)]);
	return names.length > 3 ? [...parts, ` and ${names.length - 3} more`] : parts;
}

// ---- what is asked

const TOPICS = ["engine", "containers", "incidents", "receivers"];
const data = {};   // the newest answer of each topic
const heardAt = {}; // when that came
const wrong = {};  // why there is no newer one
const asked = {}, due = {}, busy = {};
let live = false, contact = 0, misses = 0, demo;

// hear notes that the server is there.
function hear(answer) {
	const date = answer && Date.parse(answer.headers.get("Date"));
	if (date && Math.abs(date + 500 - Date.now() - skew) > 2000) skew = date + 500 - Date.now();
	contact = Date.now();
	beat();
}

async function get(path) {
	const answer = await fetch("api/v1/" + path, { cache: "no-cache", signal: AbortSignal.timeout(20000) });
	if (answer.status < 502) hear(answer); // else a proxy may speak, and not defib
	if (answer.ok) return answer.json();
	const { error } = await answer.json().catch(() => ({}));
	throw Object.assign(new Error(error || `defib answered ${answer.status} ${answer.statusText}`), { status: answer.status });
}

// want has topics asked for again: the containers every 2 s at most.
function want(topics) {
	for (const t of topics) {
		if (due[t]) continue;
		due[t] = true;
		if (!busy[t]) setTimeout(ask, Math.max(0, (asked[t] || -1e9) + (t === "containers" ? 2000 : 250) - performance.now()), t);
	}
}

async function ask(t) {
	due[t] = false;
	busy[t] = true;
	asked[t] = performance.now();
	try {
		const answer = await get(t);
		if (data.engine?.version && t === "engine" && answer.version !== data.engine.version) location.reload(); // a new defib has a new page
		data[t] = answer || [];
		heardAt[t] = Date.now() + skew;
		wrong[t] = "";
		if (t === "containers") for (const c of data[t]) c.hay = [c.name, c.service, c.project, c.image].join("\n").toLowerCase();
	} catch (e) {
		wrong[t] = e.status === 401 || e.status === 403 ? "defib wants a password: reload this page" : e.status ? e.message : "defib does not answer";
		if (t === "engine" && !(e.status && e.status < 500)) misses++;
	}
	if (t === "engine" && !wrong[t]) misses = 0;
	if (misses === 1 && wrong[t] && t === "engine") setTimeout(want, 1500, ["engine"]); // a restart of defib is no news
	stopped = gone() ? contact + skew : 0;
	busy[t] = false;
	if (due[t]) {
		due[t] = false;
		want([t]);
	}
	draw();
}

const gone = () => misses > 1;

// poll asks for everything where no event stream tells what has changed.
function poll() {
	if (!live) want(TOPICS);
	else want(TOPICS.filter(t => wrong[t] || Date.now() + skew - heardAt[t] > (t === "engine" ? 30000 : 120000)));
	if (!live) askDemo();
}

// askDemo asks for what only a demo tells, where this is one, or may be.
async function askDemo() {
	if (demo === false || demo === null) return;
	const before = demo;
	if (!before) demo = null; // one question at a time
	try {
		demo = await get("demo/alerts");
	} catch (e) {
		demo = before || (e.status ? false : undefined);
	}
	draw();
}

// follow reads the event stream. It is read by hand, since EventSource does not
// show the heartbeats, and a stream that is silent must be told from a quiet one.
async function follow() {
	for (let wait = 500, quiet, lost; ; wait = Math.min(2 * wait, 15000)) {
		const stop = new AbortController();
		const listen = () => {
			clearTimeout(quiet);
			quiet = setTimeout(() => stop.abort(), 45000);
		};
		listen();
		try {
			const answer = await fetch("api/v1/events", { cache: "no-store", headers: { Accept: "text/event-stream" }, signal: stop.signal });
			if (!answer.ok) throw new Error(answer.statusText);
			const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
			for (let text = ""; ;) {
				const { done, value } = await reader.read();
				if (done) break;
				wait = 500;
				listen();
				hear();
				lost = clearTimeout(lost);
				if (!live) {
					live = true;
					draw();
				}
				const lines = (text + value).split("\n");
				text = lines.pop().slice(-1e6);
				for (const line of lines) if (line.startsWith("data:")) changed(line.slice(5));
			}
		} catch { /* that it is not live tells */ }
		clearTimeout(quiet);
		if (live) lost ||= setTimeout(() => { // each stream ends some day, and the next one is there at once
			live = false;
			poll();
			draw();
		}, 1500);
		await new Promise(done => setTimeout(done, wait));
	}
}

function changed(line) {
	let topics = [];
	try {
		topics = JSON.parse(line).topics.filter(t => TOPICS.includes(t));
	} catch { /* of a later version */ }
	want(topics);
	if (!demo || topics.includes("incidents")) askDemo();
}

// Incidents in full are asked for two at a time, and only what cards and the
// timeline need of them is kept.
const full = new Map(), queue = new Map(), asking = new Set();

function inFull(i) {
	const known = full.get(i.id);
	if (known?.at !== i.at && !asking.has(i.id)) queue.set(i.id, i);
	return known || {};
}

async function askQueued() {
	for (const [id, i] of queue) {
		if (asking.size > 1 || gone()) break;
		queue.delete(id);
		asking.add(id);
		get("incidents/" + encodeURIComponent(id)).catch(e => e.status && {}).then(whole => {
			asking.delete(id);
			if (!whole) return; // no answer: it is asked for again when something is drawn
			summed(i, whole);
			askQueued();
			draw();
		});
	}
}

function summed(i, whole) {
	const all = whole.happenings || [], last = all.at(-1) || {}, lines = String(last.text || "").slice(0, 8000).split("\n");
	const line = word => clean((lines.find(l => l.startsWith(word + ": ")) || "").slice(word.length + 2), 400);
	// Repeats need not be among the happenings: a higher attempt shows them too.
	const marks = all.filter((h, k) => h.reason === "restarted" || h.attempt > (all[k - 1]?.attempt || 0)).map(h => ms(h.at));
	full.delete(i.id);
	full.set(i.id, {
		at: i.at, marks, next: line("Next"), done: line("Done"), nextAt: ms(last.next_at),
		output: quotes(lines),
	});
	if (full.size > 1500) full.delete(full.keys().next().value);
}

// quotes gives the last lines of what the probe said: the first quote.
function quotes(lines) {
	const from = lines.findIndex(l => l.startsWith("| ")), to = lines.findIndex((l, k) => k > from && !l.startsWith("| "));
	return from < 0 ? "" : lines.slice(from, to < 0 ? lines.length : to).slice(-4).map(l => l.slice(2)).join("\n");
}

// ---- what that means

// The reasons with which defib is still at work; all others need a human.
const WORKING = new Set(["restarted", "still-unhealthy", "restart-failed", "followed"]);

let model;

function understand() {
	const containers = data.containers || [], incidents = data.incidents || [];
	const byIncident = new Map(containers.filter(c => c.incident).map(c => [c.incident, c]));
	const down = new Set(containers.filter(c => c.state === "exited").map(c => c.name));
	const open = [], over = [], level = new Map(), told = new Set();
	for (const i of incidents) {
		const c = byIncident.get(i.id);
		// One that ended badly is open for people for as long as the container is down.
		const isOpen = i.status === "firing" && (!i.ended || (!told.has(i.container) && down.has(i.container)));
		told.add(i.container);
		const atWork = WORKING.has(i.reason) && c?.phase !== "gave-up" && (i.reason !== "restart-failed" || !c || c.next_at);
		i.level = !isOpen ? "over" : atWork ? "work" : "bad";
		(isOpen ? open : over).push(i);
		if (isOpen && i.container) level.set(i.container, i.level);
	}
	for (const c of containers) c.level = levelOf(c, level.get(c.name));
	const trouble = containers.filter(c => c.level === "bad" || c.level === "work");
	open.sort((a, b) => (b.level === "bad") - (a.level === "bad"));
	model = { open, over, trouble, containers, byIncident };
}

function levelOf(c, incident) {
	if (!c.watched) return c.health === "unhealthy" ? "sick" : "off";
	if (c.phase === "gave-up" || incident === "bad") return "bad";
	if (c.incident || (c.phase && c.phase !== "steady")) return "work";
	if (c.health === "unhealthy") return c.action === "restart" || c.action === "stop" ? "work" : "bad";
	return incident || "well";
}

// verdict gives the state of everything in words: level, headline and notes.
function verdict() {
	const e = data.engine, { open, trouble, containers } = model, notes = [];
	if (gone()) {
		const headline = contact ? ["defib does not answer since ", time(contact + skew)] : ["defib does not answer"];
		return ["gone", headline, [[contact ? ["It has been silent for ", ticking(() => words(Date.now() - contact)), ". "] : "", data.engine ? "What you see is what was known then. " : "", "This page asks again every 5 s."]]];
	}
	if (!e) return ["wait", ["Asking defib…"], wrong.engine ? [["No answer yet: ", said(wrong.engine)]] : []];
	const names = (level, one, many, rest) => {
		const all = containers.filter(c => c.level === level).map(c => c.name);
		if (all.length) notes.push([count(all.length, one, many), rest, listed(all)]);
		return all.length;
	};
	const bad = names("bad", "needs", "need", " a human: ");
	names("work", "is", "are", " being healed: ");
	names("sick", "unhealthy container is", "unhealthy containers are", " not watched: ");
	if (wrong.containers) notes.push(["The containers cannot be listed."]);
	if (e.ok === false) {
		const [why, ...more] = String(e.why).split(": ");
		return ["down", ["defib cannot do its work: ", said(why)], [more.length ? [said(more.join(": "))] : [], ["Nothing is healed while this lasts."], ...notes].filter(n => n.length)];
	}
	const watched = containers.filter(c => c.watched).length;
	if (bad) return ["bad", [count(bad, "container needs", "containers need") + " a human"], notes];
	if (trouble.length) return ["work", [count(trouble.length, "container is", "containers are") + " being healed"], notes];
	if (open.length) return [open.some(i => i.level === "bad") ? "bad" : "work", [count(open.length, "incident is", "incidents are") + " open"], notes];
	if (e.why === "starting") return ["wait", ["defib is starting"], notes];
	if (!data.containers) return ["wait", ["Asking for the containers…"], notes];
	if (!watched) return ["wait", ["No container is watched yet"], [[containers.length ? "Give those to be watched" : "Start one with", " the label autoheal=true, or watch all with AUTOHEAL_CONTAINER_LABEL=all."], ...notes]];
	return ["ok", [watched === 1 ? "The one watched container is well" : `All ${watched} watched containers are well`], notes];
}

// ---- what is drawn

const root = document.documentElement.dataset;
let drawing = false, drawn = 0, shown;
const limit = { cards: 12, over: 10, rows: 200 };

// draw draws soon, once for all that has come meanwhile, ten times a second at
// most. Not with the frames: the title of a tab in the background is to be right.
function draw() {
	if (drawing) return;
	drawing = true;
	setTimeout(() => {
		drawing = false;
		understand();
		for (const part of [drawState, drawLink, drawOpen, drawDay, drawTable, drawPast, drawReceivers, drawEngine, drawDemo, drawIncident, announce, drawAges]) part();
		askQueued();
		if (!root.ready && TOPICS.every(t => data[t])) {
			root.ready = "yes";
			performance.mark("defib-ready");
		}
		drawn = performance.now();
	}, drawn + 100 - performance.now());
}

// fill replaces the content of a node if it is to show something else.
function fill(n, mark, ...parts) {
	if (n.mark === mark) return;
	n.mark = mark;
	n.replaceChildren(...el("p", parts).childNodes);
}
const put = (n, words) => fill(n, words, "" + words);
const text = parts => parts.flat(9).map(p => p.textContent ?? p).join("");

const SIGN = { ok: "✓", work: "◆", bad: "▲", down: "✕", gone: "?", wait: "…" };

function drawState() {
	const [level, headline, notes] = verdict(), e = data.engine || {};
	root.level = level;
	$("state-icon").setAttribute("href", "#i-" + level);
	fill($("headline"), text(headline), headline);
	document.title = `${SIGN[level]} ${text(headline)} · defib${e.host ? " on " + clean(e.host, 60) : ""}`;
	const rows = notes.map(n => el("li", n));
	const pauses = e.pauses || [];
	for (const p of pauses.slice(0, 4)) {
		rows.push(el("li", icon("hold"), " ", p.what === "everything" ? "Everything" : said(p.what, 80), " is paused until ", time(p.until), " (", left(p.until), ")"));
	}
	if (pauses.length > 4) rows.push(el("li", `and ${pauses.length - 4} more pauses`));
	const last = model.over[0];
	if (level === "ok" && last) rows.push(el("li", "The last incident was over ", ticking(() => words(now() - end(last))), " ago: ", opener(last, "last ")));
	fill($("notes"), text(notes.flat()) + json([pauses, level === "ok" && last?.id, last?.at]), rows);
	fill($("host"), e.host || "", e.host ? [" on ", said(e.host, 80)] : "");
	fill($("facts"), [e.engine, e.version, e.since].join(), [
		said(e.engine || "no engine yet"), e.version ? [" · defib ", said(e.version, 40)] : "",
		ms(e.since) ? [" · watching for ", lasting(e.since), ", since ", time(e.since)] : "",
	].flat());
}

function drawLink() {
	const [state, words] = gone() ? ["gone", "no answer"] : live ? ["live", "live"] : contact ? ["poll", "no event stream, polling every 5 s"] : ["wait", "connecting"];
	$("link").className = state;
	put($("link-words"), words);
}

// beat lets the line in the header beat once: something was heard.
const still = matchMedia("(prefers-reduced-motion: reduce)");
let beaten = 0;
function beat() {
	if (still.matches || document.hidden || performance.now() - beaten < 1500) return;
	beaten = performance.now();
	$("beat").animate([{ strokeDashoffset: 130 }, { strokeDashoffset: 0 }], { duration: 1300, easing: "ease-out" });
}

// opener gives the title of an incident as a link to all about it.
const toIncident = (id, f) => ({ href: "#incident=" + encodeURIComponent(id), "data-incident": id, "data-f": f + id });
const opener = (i, f) => el("a", toIncident(i.id, f), said(titled(i.title)));
const end = i => ms(i.ended) || (i.status === "resolved" ? ms(i.at) : now());

// tries shows the restarts of a budget, as dots and in words.
function tries(n, of) {
	if (!of) return count(n, "restart");
	return [of > 10 ? "" : el("span.dots", { "aria-hidden": "true" }, "●".repeat(Math.min(n, of)) + "○".repeat(Math.max(0, of - n)) + " "), `${n} of ${of} restarts`];
}

function drawOpen() {
	const { open } = model;
	$("open").hidden = !open.length;
	put($("open-title").lastElementChild, open.length);
	const about = i => model.byIncident.get(i.id);
	keyed($("cards"), first("cards", open), i => i.id, i => json([i, inFull(i), about(i)]), i => card(i, about(i), inFull(i)));
}

function card(i, c, whole) {
	const since = ms(i.since), nextAt = c ? ms(c.next_at) : whole.nextAt;
	const next = said(c?.outlook || whole.next || "");
	return el("li.card." + i.level,
		el("p.badge", shape(i.level, i.level === "bad" ? "A human is needed" : "defib is healing it"), el("span.age", "for ", lasting(since))),
		el("h3", opener(i, "card ")),
		el("p.meta", "since ", time(since), i.project ? [" · ", said(whose(i), 80)] : "", i.image ? [" · ", said(i.image, 80)] : []),
		whole.output ? el("pre", said(whole.output, 400)) : "",
		el("dl",
			whole.done || i.restarts ? pair("Done", whole.done ? [said(whole.done), " "] : "", i.restarts ? el("span.tries", tries(c?.restarts || i.restarts, c?.budget)) : "") : "",
			pair("Next", nextAt ? [el("b.next", left(nextAt)), " "] : "", next)));
}

// first gives as many as are shown of a list, and draws a button for the rest.
function first(list, all) {
	const some = all.slice(0, limit[list]), n = $(list + "-more"), focused = n.contains(active());
	const button = el("button", { type: "button" }, `Show all ${all.length}`);
	button.onclick = () => {
		limit[list] = 1e9;
		draw();
	};
	fill(n, some.length + "/" + all.length, some.length < all.length ? [button, el("span.meta", ` ${some.length} of ${all.length} shown`)] : "");
	if (focused && !n.contains(active())) n.focus();
	return some;
}

// -- the timeline: a row for each container, and a bar for each incident

const HOUR = 3600e3, SPAN = 24 * HOUR, EDGE = 0.012; // of the width is kept free for "now"
let lane = ""; // the bar that the Tab key reaches

function drawDay() {
	const to = now(), from = to - SPAN, rows = new Map();
	const spot = t => (Math.min(1, Math.max(0, (t - from) / SPAN)) * (1 - EDGE) * 100).toFixed(2);
	for (const i of [...model.open, ...model.over]) {
		if (end(i) < from || ms(i.since) > to) continue;
		const k = i.container || "";
		if (!rows.has(k)) rows.set(k, []);
		rows.get(k).push(i);
	}
	const newest = all => all.reduce((t, i) => Math.max(t, i.level === "over" ? end(i) : 9e15 + ms(i.since) / 1e3), 0);
	const all = [...rows.entries()].map(([name, bars]) => ({ name, bars, at: newest(bars) })).sort((a, b) => b.at - a.at || (a.name < b.name ? -1 : 1));
	const some = all.slice(0, 12);
	for (const r of some) r.bars = r.bars.sort((a, b) => ms(a.since) - ms(b.since)).slice(-80);
	const ids = some.flatMap(r => r.bars.map(i => i.id));
	if (!ids.includes(lane)) lane = some[0]?.bars.at(-1).id || "";
	const minute = Math.floor(to / 60000), budget = { left: 60 };
	$("legend").hidden = $("lanes").hidden = !some.length;
	keyed($("lanes"), some, r => r.name, r => minute + json([r.bars.map(i => [i.id, i.at, i.level, marksOf(i, budget)]), r.bars.some(i => i.id === lane) && lane]),
		r => el("li", el("span.who", r.name ? said(r.name, 120) : "many at once"),
			svg("svg", { role: "group", "aria-label": "Incidents of " + (clean(r.name, 120) || "many at once") }, grid(from, to, spot), r.bars.map(i => bar(i, spot)))));
	fill($("axis"), some.length && minute, some.length ? axis(from, to, spot) : "");
	put($("day-note"), all.length > some.length ? `and ${all.length - some.length} more containers with incidents` : all.length || !data.incidents ? "" : "No incident in the last 24 hours.");
}

// marksOf gives the restarts of an incident; those of many are not asked for.
function marksOf(i, budget) {
	if (!i.restarts || (!full.has(i.id) && budget.left-- <= 0)) return [];
	return inFull(i).marks || [];
}

function bar(i, spot) {
	const a = ms(i.since), b = end(i), x = Math.min(spot(a), spot(b) - 0.45), width = spot(b) - x + "%";
	const name = `${titled(i.title)}: ${clock(a)} ${i.level === "over" ? "to " + clock(b) + ", " + words(b - a) : "until now, " + words(now() - a)}${i.restarts ? ", " + count(i.restarts, "restart") : ""}`;
	return svg("a.spell", toIncident(i.id, "bar "), { tabindex: i.id === lane ? 0 : -1 },
		svg("title", name),
		svg("rect.hit", { x: x + "%", y: 1, width, height: 26 }),
		svg("rect.bar." + i.level, { x: x + "%", y: 5, width, height: 13, rx: 3 }),
		(full.get(i.id)?.marks || []).slice(0, 40).map(t => rule(spot(t), "mark", 20, 26)));
}

function hours(from, to) {
	const all = [], t = new Date(from);
	t.setMinutes(60, 0, 0);
	for (; t < to; t.setHours(t.getHours() + 1)) all.push(new Date(t));
	return all;
}

const rule = (x, kind, y1 = 0, y2 = "100%") => svg("line." + kind, { x1: x + "%", x2: x + "%", y1, y2 });

function grid(from, to, spot) {
	return [hours(from, to).map(t => rule(spot(t), t.getHours() % 6 ? "hour" : "hour.six")), rule(spot(to), "now")];
}

function axis(from, to, spot) {
	const label = (t, words, spec) => svg("text." + spec, { x: spot(t) + "%", y: 15 }, words);
	const marks = hours(from, to).filter(t => t.getHours() % 3 === 0 && to - t > 0.9 * HOUR && t - from > 0.4 * HOUR);
	return svg("svg", marks.map(t => label(t, t.getHours() ? HM.format(t) : DAY.format(t), t.getHours() % 6 ? "three" : "six")), label(to, "now", "now"));
}

// -- the table

const RANK = { bad: 0, work: 1, sick: 2, well: 3, off: 4 };

const KINDS = {
	all: () => true,
	trouble: c => RANK[c.level] < 3,
	watched: c => c.watched,
	unwatched: c => !c.watched,
};

function drawTable() {
	const all = model.containers, q = view.q.trim().toLowerCase();
	const inProject = c => !view.project || (view.project === "-" ? !c.project : c.project === view.project);
	const found = all.filter(c => inProject(c) && (!q || c.hay.includes(q)));
	for (const [kind, test] of Object.entries(KINDS)) {
		put(document.querySelector(`#filters input[value=${kind}]+span b`), found.filter(test).length);
	}
	const fit = found.filter(KINDS[view.state]).sort((a, b) => RANK[a.level] - RANK[b.level]);
	const why = emptyNote(all, fit);
	put($("all-title").lastElementChild, data.containers ? all.length : "");
	$("all-note").hidden = !why;
	put($("all-note"), why);
	document.querySelector("table").hidden = !fit.length;
	keyed($("rows"), first("rows", fit), c => c.id, c => json(c), row);
	drawProjects(all);
}

function emptyNote(all, fit) {
	if (wrong.containers) return `The containers cannot be listed: ${wrong.containers}.${data.containers ? ` This is how they were at ${clock(heardAt.containers, HMS)}.` : ""}`;
	if (!data.containers) return "Asking…";
	if (!all.length) return "The engine has no containers.";
	return fit.length ? "" : "No container fits these filters.";
}

const dash = () => el("span.dim", "–");
const cell = (label, ...parts) => el("td", { role: "cell", "data-label": label }, el("div", parts));

function row(c) {
	const nextAt = RANK[c.level] < 2 && c.next_at, of = whose(c); // the end of a back-off is no step of one that is well
	const name = said(c.name || c.id.slice(0, 12), 200), phase = (c.phase || "").replace("-", " ");
	const health = { healthy: "ok", unhealthy: "bad", starting: "work" }[c.health] || "off";
	return el("tr." + (c.level || "off"), { role: "row" },
		el("th", { scope: "row", role: "rowheader" }, c.incident ? el("a", toIncident(c.incident, "row "), name) : name,
			el("small", of ? said(of, 120) : said(c.image, 120))),
		cell("Health", shape(health, c.health === "none" ? "no check" : c.health ? said(c.health, 20) : "not known"), c.state && c.state !== "running" ? el("small", said(c.state, 20)) : ""),
		cell("Phase", !c.watched ? dash() : c.level === "well" ? el("span.dim", said(phase, 20)) : shape(c.level, said(phase, 20)),
			c.hold && !c.outlook.includes(c.hold) ? el("small", said(c.hold)) : "", c.paused_until ? el("small", "paused until ", time(c.paused_until)) : ""),
		cell("What happens next, or would", said(c.outlook), c.dependents?.length ? el("small", "Then also: ", listed(c.dependents)) : "",
			(c.warnings || []).slice(0, 5).map(w => el("small.warn", icon("bad"), " ", said(w)))),
		cell("Next step", nextAt ? el("b.next", left(nextAt)) : dash()),
		cell("Restarts", c.watched ? el("span" + (c.restarts ? "" : ".dim"), `${c.restarts || 0} of ${c.budget || 0}`) : dash()),
		cell("Watched", c.watched ? "yes" : "no", el("small", said(c.rule, 120))));
}

function drawProjects(all) {
	const names = [...new Set(all.map(c => c.project).filter(Boolean))].sort();
	if (view.project && view.project !== "-" && !names.includes(view.project)) names.push(view.project);
	const options = [["", "All"], ...names.map(n => [n, clean(n, 60)]), ...(all.some(c => !c.project) && names.length ? [["-", "none"]] : [])];
	fill($("project"), json(options), options.map(([value, label]) => el("option", { value }, label)));
	$("project").value = view.project;
}

// -- what is over, and who is told

function drawPast() {
	const { over } = model;
	put($("past-title").lastElementChild, over.length || "");
	keyed($("over"), first("over", over), i => i.id, i => json([i.at, i.title, i.restarts, DAY.format(now())]), i => el("li",
		time(i.since), icon(i.status === "resolved" ? "ok" : "bad"),
		el("span", opener(i, "past "), el("small", "lasted " + words(end(i) - ms(i.since)), i.restarts ? ", " + count(i.restarts, "restart") : "", i.status === "resolved" ? "" : ", ended badly"))));
	put($("past-note"), over.length || !data.incidents ? "" : "No incident is remembered.");
}

function drawReceivers() {
	const all = data.receivers || [];
	keyed($("receivers"), all, r => r.name + " " + r.place, r => json(r), r => el("li." + (r.trouble ? "bad" : "well"),
		el("p", shape(r.trouble ? "bad" : "ok", el("b", said(r.name, 40))), " ", said(r.place, 200)),
		r.trouble ? el("p.trouble", "Takes nothing", ms(r.since) ? [" since ", time(r.since), " (", lasting(r.since), ")"] : "", ": ", said(r.trouble), ms(r.retry_at) ? [". Tried again ", left(r.retry_at)] : "") : "",
		el("p.meta", r.waiting ? [el("b", count(r.waiting, "alert waits", "alerts wait")), ms(r.oldest) ? [", the oldest for ", lasting(r.oldest)] : "", " · "].flat() : "",
			ms(r.last) ? ["last took one at ", time(r.last)] : "has taken none yet", ` · ${r.delivered || 0} delivered`, r.dropped ? [" · ", el("b", r.dropped + " dropped")] : "")));
	put($("told-note"), all.length || !data.receivers ? "" : "Nobody is told: set SLACK_WEBHOOK_URL or AUTOHEAL_ALERT_URLS.");
}

function drawEngine() {
	const e = data.engine;
	if (!e) return;
	fill($("engine"), json(e), el("dl",
		pair("Endpoint", said(e.endpoint)),
		pair("Event stream", e.stream ? shape("ok", "open") : [shape("bad", "gone"), e.stream_gone ? [" for ", lasting(e.stream_gone)] : ""]),
		pair("Last list", e.last_list ? time(e.last_list, HMS) : "none yet"),
		pair("Unhealthy ones", "are met with: ", said(e.action, 20)),
		pair("Trouble", e.trouble ? said(e.trouble) : "none")));
	const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
	put($("foot"), `Times are those of ${zone}. Filters are part of this page's address: bookmark them.`);
}

function drawDemo() {
	$("demo").hidden = !demo;
	if (demo) keyed($("alerts"), demo.slice(0, 30), a => a.at + a.receiver + a.title, a => "" + a.at, a => {
		const n = el("li", el("p", el("span.face", icon("pulse")), el("b", "defib"), " ", el("span.dim", said(a.receiver, 40), " · ", time(a.at, HMS))), el("div.said", el("p.what", said(a.title)), telling(a.text)));
		if (/^#[0-9a-f]{6}$/i.test(a.color)) n.lastChild.style.borderLeftColor = a.color;
		return n;
	});
	put($("demo-note"), demo && !demo.length ? "Nothing yet." : "");
}

// telling gives what people were told: sentences, and what a probe said.
function telling(text) {
	const parts = [];
	let quote = null;
	for (const line of String(text || "").slice(0, 20000).split("\n").slice(0, 200)) {
		if (line.startsWith("| ") || line === "|") {
			if (!quote) parts.push(quote = []);
			quote.push(line.slice(2));
			continue;
		}
		quote = null;
		const [, word, rest] = /^(Why|Done|Next|Note): (.*)$/.exec(line) || [];
		parts.push(el("p", word ? [el("b", word), " ", said(rest, 1000)] : said(line, 1000)));
	}
	return parts.map(p => Array.isArray(p) ? el("pre", said(p.join("\n"), 4000)) : p);
}

function drawAges() {
	for (const n of document.getElementsByClassName("tick")) {
		const t = n.tick();
		if (n.textContent !== t) n.textContent = t;
	}
}

// announce says to those who listen what has begun and what is over.
function announce() {
	if (!data.incidents) return;
	const open = new Map(model.open.map(i => [i.id, i])), news = [];
	if (shown) {
		for (const i of open.values()) if (!shown.has(i.id)) news.push("New incident: " + titled(i.title) + ".");
		for (const id of shown.keys()) if (!open.has(id)) news.push("Over: " + titled((model.over.find(i => i.id === id) || shown.get(id)).title) + ".");
	}
	shown = open;
	if (news.length) $("news").textContent = news.slice(0, 5).join(" ");
}

// ---- one incident

let sheet = {}; // what the dialog shows

function drawIncident() {
	const dialog = $("incident");
	if (!view.incident) {
		if (dialog.open) dialog.close("address");
		return;
	}
	const known = (data.incidents || []).find(i => i.id === view.incident);
	if (sheet.id !== view.incident) sheet = { id: view.incident, again: true };
	if (sheet.again || (known && known.at !== sheet.at)) {
		sheet.again = false;
		sheet.at = known?.at;
		askIncident(view.incident);
	}
	fillIncident(sheet.whole || known);
	if (dialog.open) return;
	dialog.returnValue = "";
	dialog.showModal();
}

async function askIncident(id) {
	let whole, why = "";
	try {
		whole = await get("incidents/" + encodeURIComponent(id));
	} catch (e) {
		why = e.status === 404 ? "This incident is not remembered any more." : "It cannot be shown now.";
		if (e.status !== 404) setTimeout(() => { sheet.again = true; }, 4000);
	}
	if (sheet.id === id) Object.assign(sheet, { why, whole: whole || sheet.whole });
	draw();
}

function fillIncident(i) {
	const known = [...model.open, ...model.over].find(k => k.id === view.incident), level = known?.level || (i?.ended ? "over" : "work");
	const all = i?.happenings || [];
	const well = i?.status === "resolved";
	fill($("incident-state"), level + well + !i, !i ? "" : level !== "over" ? shape(level, "Open: " + (level === "bad" ? "a human is needed" : "defib is healing it")) : well ? shape("ok", "Over") : shape("bad", "Ended badly"));
	fill($("incident-title"), i?.title, i ? said(titled(i.title)) : "Incident");
	const nextAt = model.byIncident.get(i?.id)?.next_at, fact = (name, what) => what ? pair(name, said(what, 200)) : "";
	fill($("incident-facts"), json([i?.id, i?.at, level, nextAt]), !i ? "" : el("dl",
		fact("Container", i.container), fact("Service", whose(i)), fact("Image", i.image), pair("Began", time(i.since, HMS)),
		level === "over" ? pair("Lasted", words(end(i) - ms(i.since))) : pair("Lasts for", lasting(i.since)),
		pair("Restarts", i.restarts || "none"), nextAt ? pair("Next step", left(nextAt)) : ""));
	const note = sheet.why || (!i || !i.happenings ? (sheet.whole ? "Nothing is remembered of it." : "Asking…") : i.left_out ? `${count(i.left_out, "happening")} in the middle ${i.left_out === 1 ? "is" : "are"} left out.` : "");
	put($("incident-note"), note);
	const seen = all.findLast(h => h.evidence);
	keyed($("happenings"), [...all].reverse(), h => i.id + h.at + h.reason, h => h === seen, h => happening(h, i, h === seen));
}

function happening(h, i, open) {
	const after = ms(h.at) - ms(i.since);
	return el("li",
		el("p.when", icon({ critical: "bad", warning: "work" }[h.severity] || "ok"), time(h.at, HMS), after > 0 ? el("span.dim", " after " + words(after)) : ""),
		el("h4", said(titled(h.title))),
		el("div.said", telling(h.text)),
		h.evidence ? evidence(h.evidence, open) : "");
}

function evidence(e, open) {
	const probes = [...e.probes || []].reverse(), log = e.log || [];
	return el("details", { open: open && "" }, el("summary", "What was known before the restart"),
		el("p", e.uptime_seconds ? ["It had been running for " + words(e.uptime_seconds * 1000) + ". "] : "", e.failing_streak ? count(e.failing_streak, "probe") + " in a row had failed. " : "",
			e.oom_killed ? el("b", "A process in it was killed for lack of memory. ") : "", e.exit_code ? `Its exit code was ${e.exit_code}.` : ""),
		probes.map(p => el("div", el("p.meta", "Probe at ", time(p.start, HMS), ` (the engine's clock) took ${+(p.took_seconds || 0).toFixed(1)} s, exit code `, el("b", "" + p.exit_code)), long(p.output))),
		log.length ? [el("p.meta", `The last ${count(log.length, "line")} of its log`), long(log.join("\n"))] : e.log_error ? el("p.meta", "Its log could not be read: ", said(e.log_error)) : []);
}

// long gives a text that may be huge: the beginning, and the rest on demand.
function long(text) {
	text = String(text ?? "");
	const n = el("pre", text ? said(text, 3000) : el("span.dim", "no output"));
	if (text.length <= 3000) return n;
	const button = el("button", { type: "button" }, text.length > 200000 ? `Show 200000 of ${text.length} characters` : "Show all");
	button.onclick = () => {
		n.replaceChildren(said(text, 200000));
		n.tabIndex = -1;
		n.focus();
		button.remove();
	};
	return el("div", n, button);
}

// ---- what people do

// view is what the page's address holds.
const view = { q: "", project: "", state: "all", incident: "" };

function readAddress() {
	const hash = new URLSearchParams(location.hash.slice(1));
	for (const k of Object.keys(view)) view[k] = hash.get(k) || "";
	if (!Object.hasOwn(KINDS, view.state)) view.state = "all";
	$("q").value = view.q;
	document.querySelector(`#filters input[value=${view.state}]`).checked = true;
	draw();
}

// go changes the view; with push the back button undoes it.
function go(change, push) {
	Object.assign(view, change);
	const hash = new URLSearchParams(Object.entries(view).filter(([k, v]) => v && !(k === "state" && v === "all")));
	history[push ? "pushState" : "replaceState"](push ? { inside: true } : history.state, "", `${hash}` ? "#" + hash : location.pathname + location.search);
	draw();
}

function openIncident(event) {
	const a = event.target.closest?.("a[data-incident]");
	if (!a || event.ctrlKey || event.metaKey || event.shiftKey) return;
	event.preventDefault();
	go({ incident: a.dataset.incident }, true);
}

// closed gives the focus back. Where a person closed the dialog, and not the
// address did, it takes the incident out of that.
function closed() {
	const dialog = $("incident"), id = sheet.id, at = active();
	if (dialog.returnValue !== "address" && view.incident) {
		if (history.state?.inside) history.back();
		else go({ incident: "" });
		view.incident = "";
	}
	if (!view.incident) sheet = {};
	if (at === document.body || dialog.contains(at)) (document.querySelector(`[data-incident="${CSS.escape(id)}"]`) || $("all-title")).focus();
}

// arrows moves along the bars of the timeline.
function arrows(event) {
	const here = event.target.closest?.(".spell"), step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: "down", ArrowUp: "up" }[event.key];
	if (!here || !step) return;
	event.preventDefault();
	const all = [...$("lanes").querySelectorAll(".spell")], line = here.closest("li");
	const other = { down: line.nextElementSibling, up: line.previousElementSibling };
	const to = step in other ? other[step]?.querySelector(".spell") : all[all.indexOf(here) + step];
	if (!to) return;
	here.setAttribute("tabindex", -1);
	to.setAttribute("tabindex", 0);
	lane = to.dataset.incident;
	to.focus();
}

document.addEventListener("click", openIncident);
$("lanes").addEventListener("keydown", arrows);
$("filters").addEventListener("input", event => {
	limit.rows = 200;
	go({ [event.target.id || event.target.name]: event.target.value });
});
$("filters").addEventListener("submit", event => event.preventDefault());
$("close").addEventListener("click", () => $("incident").close());
$("incident").addEventListener("close", closed);
$("incident").addEventListener("click", event => event.target === event.currentTarget && event.target.close());
document.querySelector(".skip").addEventListener("click", event => {
	event.preventDefault();
	$("all-title").focus();
});
addEventListener("popstate", readAddress);
document.addEventListener("visibilitychange", () => document.hidden || poll());
setInterval(() => document.hidden || drawAges(), 1000);
setInterval(draw, 60000); // the timeline moves
setInterval(poll, 5000);
setTimeout(() => data.engine || poll(), 1000);
readAddress();
follow();
