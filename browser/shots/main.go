// Shots makes the pictures of the status page that the README shows.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"defib/browser/chrome"
	"defib/browser/fake"
)

// maxBytes is how big a picture may be: it stays in the repository for ever.
const maxBytes = 150_000

// shot is a picture to make.
type shot struct {
	file          string
	width, height int64
	scheme        string
	scale         float64
}

func shots() []shot {
	return []shot{
		{"status-desktop.png", 1280, 900, "light", 1},
		{"status-phone.png", 390, 844, "light", 1.5},
		{"status-dark.png", 1280, 900, "dark", 1},
	}
}

func main() {
	url := flag.String("url", "", "the page to show; the fake's unless set")
	page := flag.String("page", "../status/page", "folder of the page's files, for the fake")
	scene := flag.String("scene", "busy", "of the fake")
	wait := flag.Duration("wait", 2*time.Minute, "how long an open incident is waited for")
	out := flag.String("o", "../docs", "folder for the pictures")
	flag.Parse()
	if err := run(*url, *page, *scene, *out, *wait); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(url, page, scene, out string, wait time.Duration) error {
	if url == "" {
		w, err := fake.Scene(scene, time.Now())
		if err != nil {
			return err
		}
		s, err := fake.Serve(w, page, "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer s.Stop()
		url = s.URL()
	}
	path, err := chrome.Find()
	if err != nil {
		return err
	}
	browser, end, err := chrome.Start(path)
	if err != nil {
		return err
	}
	defer end()
	tab, closeTab, err := chrome.Open(browser)
	if err != nil {
		return err
	}
	defer closeTab()
	for _, s := range shots() {
		if err := s.take(tab, url, filepath.Join(out, s.file), wait); err != nil {
			return fmt.Errorf("%s: %w", s.file, err)
		}
	}
	return nil
}

// take makes the picture of a page on which something is open, and all that is
// known of it has come.
func (s shot) take(tab *chrome.Tab, url, file string, wait time.Duration) error {
	err := errors.Join(
		tab.Prefer(map[string]string{"prefers-color-scheme": s.scheme, "prefers-reduced-motion": "reduce"}),
		tab.Size(s.width, s.height, s.scale),
		tab.Go(url),
		tab.Wait(`document.documentElement.dataset.ready`, 30*time.Second),
	)
	if err != nil {
		return err
	}
	if tab.Wait(`document.querySelector("#cards dd")`, wait) != nil {
		fmt.Fprintln(os.Stderr, s.file+": nothing is open; the picture shows that")
	}
	time.Sleep(1500 * time.Millisecond) // the restarts of past incidents come one by one
	picture, err := tab.Picture(false)
	if err != nil {
		return err
	}
	small, err := quantize(picture)
	if err != nil {
		return err
	}
	if len(small) > maxBytes {
		return fmt.Errorf("has %d bytes; at most %d", len(small), maxBytes)
	}
	fmt.Println(file, len(small))
	return os.WriteFile(file, small, 0o644) //nolint:gosec // it is for everybody
}
