// Command app is what runs in the containers of the contract tests.
//
//	app            ends with 0 on SIGTERM, with 3 on SIGUSR2
//	app stubborn   ignores SIGTERM
//	app probe      fails while the file /sick exists
//	app crash      lets process 1 of the container end by itself
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	mode := ""
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	switch mode {
	case "probe":
		if text, err := os.ReadFile("/sick"); err == nil {
			fmt.Print(string(text))
			os.Exit(1)
		}
	case "crash":
		if err := syscall.Kill(1, syscall.SIGUSR2); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	default:
		serve(mode == "stubborn")
	}
}

func serve(stubborn bool) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR2)
	fmt.Println("one")
	fmt.Println("two")
	fmt.Println("three")
	for s := range signals {
		switch {
		case s == syscall.SIGUSR2:
			os.Exit(3)
		case s == syscall.SIGTERM && !stubborn:
			os.Exit(0)
		}
	}
}
