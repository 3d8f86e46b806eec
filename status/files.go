package status

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// page holds the page's files.
//
//go:embed page
var page embed.FS

// file is one of them.
type file struct {
	name string // in page
	kind string // its media type
	etag string
	size string // in bytes
}

// pageFiles gives the files by their paths. They are not copied: they stay where
// the program is.
func pageFiles() map[string]file {
	files := map[string]file{}
	_ = fs.WalkDir(page, "page", func(name string, entry fs.DirEntry, err error) error { // it is part of the program
		if err != nil || entry.IsDir() {
			return err
		}
		f := file{name: name, kind: mediaType(name)}
		content, err := page.Open(name)
		if err != nil {
			return err //nolint:wrapcheck // it cannot be
		}
		sum := sha256.New()
		size, err := io.Copy(sum, content)
		f.size = strconv.FormatInt(size, 10)
		f.etag = `"` + hex.EncodeToString(sum.Sum(nil)[:12]) + `"`
		files[strings.TrimPrefix(name, "page")] = f
		return err //nolint:wrapcheck // it cannot be
	})
	if index, there := files["/index.html"]; there {
		files["/"] = index
	}
	return files
}

// mediaType tells what a file is, whatever the system's tables say.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	}
	return "application/octet-stream"
}

// serve answers with the file, or says that the browser has it.
func (f file) serve(rw http.ResponseWriter, r *http.Request) {
	h := rw.Header()
	h.Set("Cache-Control", "no-cache") // kept, and asked for at each use
	h.Set("ETag", f.etag)
	if strings.Contains(r.Header.Get("If-None-Match"), f.etag) {
		rw.WriteHeader(http.StatusNotModified)
		return
	}
	content, err := page.Open(f.name)
	if err != nil {
		refuse(rw, r, http.StatusNotFound, "the page is not part of this program")
		return
	}
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", f.size)
	_, _ = io.Copy(rw, content) // whoever asked has gone: nothing to do
}
