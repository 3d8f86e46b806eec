// Serve shows the status page with made-up data, for those who work on it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"defib/browser/fake"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8099", "address")
	page := flag.String("page", "../status/page", "folder of the page's files")
	scene := flag.String("scene", "busy", strings.Join(fake.Scenes(), ", "))
	play := flag.Duration("play", 8*time.Second, "how often something happens; 0: never")
	flag.Parse()
	if err := run(*listen, *page, *scene, *play); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(listen, page, scene string, play time.Duration) error {
	w, err := fake.Scene(scene, time.Now())
	if err != nil {
		return err
	}
	s, err := fake.Serve(w, page, listen)
	if err != nil {
		return err
	}
	fmt.Println(s.URL())
	if play > 0 {
		fake.Play(context.Background(), w, "monitoring-prometheus-1", play)
	}
	select {}
}
