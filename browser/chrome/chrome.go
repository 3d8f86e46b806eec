// Package chrome drives a headless Chromium of this machine, and hears what it
// complains about.
package chrome

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Find gives the browser's program: DEFIB_CHROMIUM, or one of the PATH.
func Find() (string, error) {
	if path := os.Getenv("DEFIB_CHROMIUM"); path != "" {
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium on this machine: install one (apt-get install chromium), or name it in DEFIB_CHROMIUM")
}

// Start starts the browser; the function that it gives ends it.
func Start(path string) (context.Context, func(), error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, // tests run as root, where there is no sandbox
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("font-render-hinting", "none"))
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	browser, endBrowser := chromedp.NewContext(allocator)
	end := func() {
		endBrowser()
		endAllocator()
	}
	if err := chromedp.Do(browser); err != nil {
		end()
		return nil, nil, fmt.Errorf("start %s: %w", path, err)
	}
	return browser, end, nil
}

// Tab is a tab, and what it complained about.
type Tab struct {
	ctx        context.Context //nolint:containedctx // of chromedp a tab is its context
	mu         sync.Mutex
	complaints []string
}

// policy reports what the Content-Security-Policy forbade, as an error.
const policy = `addEventListener("securitypolicyviolation", e => console.error("CSP: " + e.violatedDirective + " " + e.blockedURI))`

// Open opens a tab; scripts run before those of each page. The function that it
// gives closes it.
func Open(browser context.Context, scripts ...string) (*Tab, func(), error) {
	t := &Tab{}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewWindow(true), chromedp.WithListener(t.hear))
	t.ctx = ctx
	err := chromedp.Do(ctx)
	if err == nil {
		_, err = chromedp.Call(ctx, log.Enable, struct{}{})
	}
	for _, s := range append([]string{policy}, scripts...) {
		if err == nil {
			_, err = chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: s})
		}
	}
	if err != nil {
		cancel()
		return nil, nil, fmt.Errorf("open a tab: %w", err)
	}
	return t, cancel, nil
}

func (t *Tab) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		words := "exception: " + e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			words += " " + x.Description
		}
		t.complain(words)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			words := string(e.Type)
			for _, a := range e.Args {
				words += " " + string(a.Value) + a.Description
			}
			t.complain(words)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			t.complain(fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	}
}

func (t *Tab) complain(words string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.complaints = append(t.complaints, words)
}

// Complaints are the errors and warnings of the console, exceptions, and what
// the policy forbade, without those that hold one of these words.
func (t *Tab) Complaints(allowed ...string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var rest []string
	for _, c := range t.complaints {
		fine := false
		for _, a := range allowed {
			fine = fine || strings.Contains(c, a)
		}
		if !fine {
			rest = append(rest, c)
		}
	}
	return rest
}

// patience is how long an action may take.
const patience = 30 * time.Second

// Do runs actions.
func (t *Tab) Do(actions ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, actions...)
}

// Go loads a page.
func (t *Tab) Go(url string) error { return t.Do(chromedp.Navigate(url)) }

// Key presses keys, as the package kb of chromedp names them.
func (t *Tab) Key(keys string, modifiers ...chromedp.Modifier) error {
	return t.Do(chromedp.KeyEvent(keys, chromedp.KeyModifiers(modifiers...)))
}

// Size sets the size of the window, in the page's pixels.
func (t *Tab) Size(width, height int64, scale float64) error {
	return t.Do(chromedp.EmulateViewport(width, height, chromedp.EmulateScale(scale)))
}

// Prefer sets what the person prefers, such as prefers-color-scheme: dark.
func (t *Tab) Prefer(features map[string]string) error {
	var p emulation.SetEmulatedMediaParams
	for name, value := range features {
		p.Features = append(p.Features, &emulation.MediaFeature{Name: name, Value: value})
	}
	_, err := chromedp.Call(t.ctx, emulation.SetEmulatedMedia, p)
	return err
}

// Picture gives the window, or the whole page, as PNG.
func (t *Tab) Picture(whole bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	if whole {
		return chromedp.Run(ctx, chromedp.FullScreenshot(100))
	}
	return chromedp.Run(ctx, chromedp.CaptureScreenshot())
}

// Eval gives the value of an expression, which may be a promise.
func Eval[T any](t *Tab, script string) (T, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

// Wait waits until an expression is true.
func (t *Tab) Wait(script string, most time.Duration) error {
	for end := time.Now().Add(most); ; time.Sleep(40 * time.Millisecond) {
		is, err := Eval[bool](t, "!!("+script+")")
		if err == nil && is {
			return nil
		}
		if time.Now().After(end) {
			if err != nil {
				return fmt.Errorf("wait for %s: %w", script, err)
			}
			return fmt.Errorf("%s is not true after %s", script, most)
		}
	}
}

// Context is that of the tab, for the calls of chromedp that are rare.
func (t *Tab) Context() context.Context { return t.ctx }
