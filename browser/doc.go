// Package browser holds the status page to its promises, in a real browser. It
// is a module of its own so that the browser's driver does not enter the
// product's.
//
//	go test ./...                                        against the fake of fake/
//	DEFIB_URL=http://localhost:8080 go test -run Demo .  against a "defib demo" that runs
//	go run ./serve -scene busy                           the page and the fake, for people
//	go run ./shots -o ../docs                            the pictures of the README
//
// Without Chromium the tests skip themselves by name; with DEFIB_REQUIRE_BROWSER=1
// they fail.
package browser
