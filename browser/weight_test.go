package browser

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"defib/browser/chrome"
	"defib/browser/fake"

	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"
)

// TestWeight: all files together have 60 KB at most.
func TestWeight(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(page, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files of the page", err)
	}
	total, zipped := 0, 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		_, _ = z.Write(text)
		_ = z.Close()
		t.Logf("%-10s %6d bytes, %6d gzipped", filepath.Base(f), len(text), b.Len())
		total, zipped = total+len(text), zipped+b.Len()
	}
	t.Logf("%-10s %6d bytes, %6d gzipped", "all", total, zipped)
	if total > 60_000 {
		t.Errorf("the page has %d bytes; at most 60000", total)
	}
}

// TestContract: the fake answers as status/api.go has it.
func TestContract(t *testing.T) {
	ours, theirs := fields(t, "fake/api.go"), fields(t, "../status/api.go")
	delete(ours, "Alert") // the demo's own
	for name := range theirs {
		if !slices.Equal(ours[name], theirs[name]) {
			t.Errorf("%s: the fake has\n%v\nand status\n%v", name, ours[name], theirs[name])
		}
	}
	if len(theirs) < 8 {
		t.Errorf("status/api.go has %d types", len(theirs))
	}
}

// fields gives the structs of a file: names, types and tags of their fields.
func fields(t *testing.T, file string) map[string][]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				all[spec.Name.Name] = append(all[spec.Name.Name], fmt.Sprint(field.Names, exprString(field.Type), field.Tag.Value))
			}
		}
		return false
	})
	return all
}

func exprString(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return "*" + exprString(e.X)
	case *ast.ArrayType:
		return "[]" + exprString(e.Elt)
	case *ast.SelectorExpr:
		return exprString(e.X) + "." + e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return fmt.Sprintf("%T", e)
}

// timed notes for how long the page draws: all that it does of its own accord
// begins with a timer.
const timed = `{
	window.draws = [];
	const plain = window.setTimeout;
	window.setTimeout = (f, ...rest) => plain((...args) => {
		const from = performance.now();
		f(...args);
		if (performance.now() - from > 0.5) window.draws.push(performance.now() - from);
	}, ...rest);
}`

// TestThousand: 1,000 containers that change all the time leave the page fluid.
func TestThousand(t *testing.T) {
	s := show(t, mustScene(t, "thousand"), timed)
	s.run(`0`)
	s.load("")
	s.until(`"ready" in document.documentElement.dataset && rows.children.length === 200`)
	s.says("#rows-more", "Show all 1000")
	s.says("#rows-more", "200 of 1000 shown")
	figures(s, "1,000 containers, 200 rows")
	s.run(`document.querySelector("#rows-more button").click()`)
	s.until(`rows.children.length === 1000`)
	from := time.Now()
	s.run(`new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))`)
	t.Logf("laying out 1,000 rows took %s", time.Since(from).Round(time.Millisecond))

	// Five seconds of changes: what keeps the page from answering for long?
	stop := make(chan struct{})
	go func() {
		for k := 0; ; k++ {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				s.world.Change(fmt.Sprintf("team%02d-svc%d-1", k%25, k%40), func(c *fake.Container) { c.Restart++ })
			}
		}
	}()
	before := busy(s)
	s.run(`window.draws = []; window.gaps = []; window.last = performance.now(); window.watch = setInterval(() => { const t = performance.now(); gaps.push(t - last - 10); last = t; }, 10)`)
	s.run(`rows.children[700].touched = true`)
	time.Sleep(5 * time.Second)
	s.run(`clearInterval(watch); gaps.sort((a, b) => a - b)`)
	close(stop)
	spent := busy(s) - before
	t.Logf("%v draws in 5 s of changes, the longest %.0f ms; the page answered after %.0f ms at the latest, half of the time within %.1f ms; it was at work for %s",
		s.number(`draws.length`), s.number(`Math.max(...draws)`), s.number(`gaps.at(-1)`), s.number(`gaps[gaps.length >> 1]`), spent.Round(time.Millisecond))
	if spent > 3*time.Second { // by the thread's own clock, whatever else the machine does
		t.Errorf("the page was at work for %s of 5 s", spent)
	}
	s.until(`[...rows.children].some(r => r.touched)`) // rows that did not change were left alone

	s.run(`q.value = "team07"; window.t = performance.now(); q.dispatchEvent(new Event("input", { bubbles: true }))`)
	s.until(`rows.children.length === 40`)
	figures(s, "after that")
	s.quiet()
}

// busy is for how long the page's thread has been at work.
func busy(s *stage) time.Duration {
	s.Helper()
	_, err := chromedp.Call(s.Context(), performance.Enable, performance.EnableParams{TimeDomain: "threadTicks"})
	s.must(err)
	all, err := chromedp.Call(s.Context(), performance.GetMetrics, struct{}{})
	s.must(err)
	for _, m := range all.Metrics {
		if m.Name == "TaskDuration" {
			return time.Duration(m.Value * float64(time.Second))
		}
	}
	s.Fatal("the browser does not tell how long a page was at work")
	return 0
}

// figures logs what the page costs.
func figures(s *stage, when string) {
	s.Helper()
	_, err := chromedp.Call(s.Context(), heapprofiler.CollectGarbage, struct{}{})
	s.must(err)
	ready := s.number(`performance.getEntriesByName("defib-ready").at(-1)?.startTime || 0`)
	heap := s.number(`performance.memory.usedJSHeapSize`) / 1e6
	nodes := s.number(`document.querySelectorAll("*").length`)
	s.Logf("%s: shown %.0f ms after the navigation, heap %.1f MB, %v elements", when, ready, heap, nodes)
	if ready > 15_000 || heap > 20 {
		s.Errorf("shown after %.0f ms, heap %.1f MB", ready, heap)
	}
}

// TestInteractive tells how soon a usual page is there.
func TestInteractive(t *testing.T) {
	s := perform(t, "busy", "")
	figures(s, "20 containers")
	times, err := chrome.Eval[map[string]float64](s.Tab, `(n => ({ dom: n.domInteractive, loaded: n.loadEventEnd, painted: performance.getEntriesByName("first-contentful-paint")[0]?.startTime || 0 }))(performance.getEntriesByType("navigation")[0])`)
	s.must(err)
	t.Logf("dom interactive %.0f ms, loaded %.0f ms, first paint %.0f ms", times["dom"], times["loaded"], times["painted"])
}
