package watcher

import (
	"os"
	"regexp"
	"strings"
)

// OwnID finds the id of the container that this process runs in: 64 hex
// digits, or the 12 of the host name, or empty outside a container. root is
// the file system to look in, "/" except in tests.
//
// Docker mounts /etc/hostname from a folder named after the container (seen on
// 20.10 and 29), Podman does the same below overlay-containers; the host name
// is the short id unless somebody set it.
func OwnID(root string) string {
	mounts, err := os.ReadFile(strings.TrimSuffix(root, "/") + "/proc/self/mountinfo")
	if err == nil {
		re := regexp.MustCompile(`/(?:containers|overlay-containers)/([0-9a-f]{64})/(?:userdata/)?(?:hostname|resolv\.conf|hosts) `)
		if m := re.FindSubmatch(mounts); m != nil {
			return string(m[1])
		}
	}
	name, err := os.ReadFile(strings.TrimSuffix(root, "/") + "/etc/hostname")
	short := strings.TrimSpace(string(name))
	if err == nil && regexp.MustCompile(`^[0-9a-f]{12}$`).MatchString(short) {
		return short
	}
	return ""
}

// labelOwn is on defib's image and so on every container of it. It tells a
// defib apart that shares another's network name space: there the files that
// OwnID looks at are the other's.
const labelOwn = "io.github.defib"

// isOwn tells whether a container is a defib: this one or another, which has
// its own health check and nobody to restart it.
func (w *Watcher) isOwn(id string, labels map[string]string) bool {
	_, labelled := labels[labelOwn]
	return labelled || isOwn(w.o.OwnID, id)
}

// isOwn tells whether a container is the one that OwnID found.
func isOwn(own, id string) bool { return own != "" && strings.HasPrefix(id, own) }
