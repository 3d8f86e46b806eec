package main

import (
	"strconv"
	"strings"
	"time"

	"defib/internal/dockertest"
)

// The containers of the demo: a line for each with its name as Compose makes it,
// its image, how long it has been running, and what else there is to say; below
// it what it can fall ill with, each followed by what its health check prints
// then (>) and what it logs (|). probe is the interval of the health check.
const demoStack = `
shop-db-1 postgres:17.2 456h probe=3s
  the disk of the database hangs
  > psql: error: FATAL:  the database system is starting up
  | LOG:  checkpoint complete: wrote 312 buffers (1.9%)
  | PANIC:  could not fdatasync file "000000010000002A0000007C": Input/output error
  | FATAL:  the database system is starting up
  the database runs out of connections
  > psql: error: FATAL:  sorry, too many clients already
  | FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute
  | FATAL:  sorry, too many clients already
shop-cache-1 redis:7.4-alpine 456h probe=2s
  the cache does not answer
  > Could not connect to Redis at 127.0.0.1:6379: Connection refused
  | * Background saving terminated by signal 9
  | # Can't save in background: fork: Cannot allocate memory
shop-queue-1 rabbitmq:4.0 456h probe=4s
  the queue is stuck behind a full disk
  > Error: disk alarm in effect on node rabbit@queue
  | [warning] disk resource limit alarm set on node rabbit@queue.
  | [warning] Publishers will be blocked until this alarm clears
shop-api-1 ghcr.io/example/shop-api:5.2.0 31h probe=3s needs=db,cache
  the API leaks memory and answers too late
  > wget: download timed out
  | WARN gc overhead 87 %, heap 1.9 of 2.0 GiB
  | WARN slow request GET /v1/orders 11.2s
  the API is deadlocked
  > curl: (28) Operation timed out after 2001 milliseconds with 0 bytes received
  | INFO POST /v1/orders 201 37ms
  | WARN lock "stock" is held for 30s by worker 4
shop-web-1 shop/web:2.14.1 31h probe=2s grace=3s needs=api
  it answers with errors after a leak of file handles
  > HTTP 500 from http://localhost:8080/healthz
  | ERROR accept: too many open files
  | ERROR open /srv/templates/head.html: too many open files
shop-web-2 shop/web:2.14.1 31h probe=2s grace=3s needs=api
  a request loop eats all its threads
  > curl: (7) Failed to connect to localhost port 8080 after 0 ms: Couldn't connect to server
  | GET /basket 200 41ms
  | WARN thread pool exhausted (200/200), rejecting requests
shop-web-3 shop/web:2.14.1 31h probe=2s grace=3s needs=api
  its web server is gone, its process is not
  > curl: (7) Failed to connect to localhost port 8080 after 0 ms: Couldn't connect to server
  | panic: assignment to entry in nil map
  | goroutine 7 [running]:
shop-search-1 opensearchproject/opensearch:2.18.0 144h probe=5s
  the search index is read-only
  > curl: (22) The requested URL returned error: 503
  | [WARN ] high disk watermark [90%] exceeded on [node-1]
  | [ERROR] index [products] blocked by: [FORBIDDEN/12/index read-only]
shop-worker-1 ghcr.io/example/shop-worker:5.2.0 31h probe=3s policy=no needs=queue autoheal.start-exited=true
shop-thumbnailer-1 shop/thumbnailer:1.8.0 72h probe=4s policy=always
shop-legacy-import-1 registry.example.com/legacy/import:3 1056h probe=3s
  the licence of the legacy import expires
  > ERROR 4711: licence expired, please contact your sales representative
  | INFO  import of 2 214 articles begins
  | ERROR 4711: licence expired
shop-cron-1 mcuadros/ofelia:0.3.13 456h
shop-adminer-1 adminer:4.8.1 1056h probe=5s sick autoheal=false
  it has been so for weeks, and nobody minds
  > PHP Deprecated:  Creation of dynamic property is deprecated
media-proxy-1 traefik:v3.2 288h probe=3s
  the proxy does not answer its ping
  > Bad healthcheck status: 503 Service Unavailable
  | ERR Error while building configuration error="acme.json: permission denied"
  | WRN No domain found in rule, using default certificate
media-vpn-1 qmcgaw/gluetun:v3.40.0 50h probe=3s
  the tunnel of the VPN is dead
  > ERROR dialing: lookup cloudflare.com: i/o timeout
  | INFO [healthcheck] unhealthy: dialing: i/o timeout
  | WARN [wireguard] handshake did not complete after 5 seconds
media-downloader-1 lscr.io/linuxserver/qbittorrent:5.0.3 50h probe=5s network=media-vpn-1
  it cannot reach anything
  > curl: (6) Could not resolve host: icanhazip.com
  | WARN tracker: host not found (temporary)
  | WARN no external address
media-library-1 jellyfin/jellyfin:10.10.3 120h probe=4s
  the media library waits for its locked database
  > curl: (28) Operation timed out after 3000 milliseconds with 0 bytes received
  | [ERR] SQLite Error 5: 'database is locked'.
  | [WRN] Slow HTTP response from /Items in 0:00:14.7
media-photos-1 ghcr.io/immich-app/immich-server:v1.124.2 26h probe=3s
  the photo server has lost its Redis
  > Error: connect ECONNREFUSED 172.22.0.4:6379
  | ERROR [Api:EventRepository] Error: connect ECONNREFUSED 172.22.0.4:6379
  the photo server is busy with a panorama of 2 GB
  > curl: (28) Operation timed out after 2000 milliseconds with 0 bytes received
  | WARN event loop blocked for 31402 ms
media-transcoder-1 media/transcoder:0.9.4 72h probe=4s autoheal.action=stop
  the transcoder writes broken files
  > checksum mismatch in 3 of 3 sample files
  | ERROR h264: error while decoding MB 12 4, bytestream -7
media-backup-1 restic/restic:0.17.3 216h probe=5s sick
  somebody has paused it
  > repository is locked exclusively by PID 41 on backup by root
monitoring_grafana.1.zq3v0x8k2m5t grafana/grafana:11.4.0 192h probe=4s policy=no com.docker.swarm.task.id=zq3v0x8k2m5t autoheal.action=notify
  the dashboards have lost their data source
  > HTTP 503: database: failing
  | logger=sqlstore level=error msg="database is locked"
`

// demoPreview is the stack of one pull request, #. That of the next one replaces
// it now and then, so that not everything has a long history of trouble.
const demoPreview = `
preview-#-db-1 postgres:17.2 5h probe=5s
  somebody's migration has locked every table
  > psql: error: connection to server at "localhost", port 5432 failed: timeout expired
  | LOG:  process 88 still waiting for AccessExclusiveLock on relation 16412
  | STATEMENT:  ALTER TABLE orders ADD COLUMN note text
  the test data do not fit into its memory
  > FATAL:  out of shared memory
  | ERROR:  out of shared memory
  its volume is full of somebody's test data
  > FATAL:  could not write lock file "postmaster.pid": No space left on device
  | PANIC:  could not write to file "pg_wal/xlogtemp.31": No space left on device
preview-#-api-1 ghcr.io/example/shop-api:pr-# 5h probe=4s needs=db
  new code waits for itself
  > curl: (28) Operation timed out after 1000 milliseconds with 0 bytes received
  | DEBUG enter checkout()
  | DEBUG lock basket
  | DEBUG lock basket
  new code forgets to close its connections
  > HTTP 503: no connection left in the pool
  | WARN pool: 20 of 20 connections in use
  new code asks a partner that does not answer
  > HTTP 504: upstream payments.example.com: context deadline exceeded
  | ERROR GET /healthz 504 5.0s
preview-#-mail-1 axllent/mailpit:v1.21.6 5h probe=5s
  a test has sent itself into a circle
  > wget: server returned error: HTTP/1.1 507 Insufficient Storage
  | ERROR database or disk is full
  nobody answers on its port
  > dial tcp 127.0.0.1:8025: connect: connection refused
  | ERROR [http] listen tcp :8025: bind: address already in use
preview-#-web-1 ghcr.io/example/shop-web:pr-# 5h probe=4s needs=api
  a feature flag sends it into a loop
  > curl: (47) Maximum (10) redirects followed
  | GET / 302 1ms
  | GET /welcome 302 1ms
  | GET / 302 1ms
  its build cache fills the disk
  > HTTP 500: ENOSPC: no space left on device, write
  | Error: ENOSPC: no space left on device, write
  it renders a page that renders itself
  > curl: (52) Empty reply from server
  | RangeError: Maximum call stack size exceeded
`

// member is one container of the stack.
type member struct {
	name string
	age  time.Duration
	spec dockertest.Spec
	ails []ailment
}

// ailment is one way in which a container falls ill.
type ailment struct {
	what  string // what happens to it, for who watches the demo
	probe string // what its health check prints then
	log   string // what it prints itself, lines
}

// preview gives the stack of one pull request.
func preview(number int) []*member {
	return members(strings.ReplaceAll(demoPreview, "#", strconv.Itoa(number)))
}

// members reads a stack.
func members(text string) []*member {
	var all []*member
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimSuffix(line, "\n")
		what, more := strings.CutPrefix(line, "  ")
		if !more {
			all = append(all, newMember(strings.Fields(line)))
			continue
		}
		m := all[len(all)-1]
		switch what[:2] {
		case "> ":
			m.ails[len(m.ails)-1].probe = what[2:]
		case "| ":
			m.ails[len(m.ails)-1].log += what[2:] + "\n"
		default:
			m.ails = append(m.ails, ailment{what: what})
		}
	}
	for _, m := range all {
		if h := m.spec.Health; h != nil && h.Sick {
			h.Output = m.ails[0].probe
		}
	}
	return all
}

// newMember reads the line of a container.
func newMember(words []string) *member {
	m := &member{name: words[0], age: durationOf(words[2])}
	m.spec = dockertest.Spec{
		Name: words[0], Image: words[1], RestartPolicy: "unless-stopped", Labels: composeLabels(words[0]), Logs: "ready\n",
		StopTakes:  200*time.Millisecond + spread(words[0], 1500*time.Millisecond),
		StartTakes: 300*time.Millisecond + spread(words[1]+words[0], 900*time.Millisecond),
	}
	for _, word := range words[3:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "probe":
			every := durationOf(value)
			m.spec.Health = &dockertest.Health{
				Interval: every, Timeout: min(every, 3*time.Second), Retries: 2, HealedByRestart: true,
				Takes: 20*time.Millisecond + spread(words[0]+words[1], 140*time.Millisecond),
			}
		case "sick":
			m.spec.Health.Sick, m.spec.Health.HealedByRestart = true, false
		case "policy":
			m.spec.RestartPolicy = value
		case "grace":
			m.spec.StopTimeout = durationOf(value)
		case "network":
			m.spec.NetworkMode = "container:" + value
		case "needs":
			m.spec.Labels["com.docker.compose.depends_on"] = strings.ReplaceAll(value, ",", ":service_started:false,") + ":service_started:false"
		default:
			m.spec.Labels[key] = value
		}
	}
	return m
}

// composeLabels are those that Compose writes on a container of this name. A
// Swarm task has none.
func composeLabels(name string) map[string]string {
	labels := map[string]string{}
	words := strings.Split(name, "-")
	if last := len(words) - 1; last > 1 {
		project := 1
		if words[0] == "preview" {
			project = 2
		}
		labels["com.docker.compose.project"] = strings.Join(words[:project], "-")
		labels["com.docker.compose.service"] = strings.Join(words[project:last], "-")
		labels["com.docker.compose.container-number"] = words[last]
		labels["com.docker.compose.oneoff"] = "False"
	}
	return labels
}

// nextImage gives the next version of an image, whose name ends in a number.
func nextImage(image string) string {
	version := strings.TrimRight(image, "0123456789")
	number, _ := strconv.Atoi(image[len(version):])
	return version + strconv.Itoa(number+1)
}

// durationOf reads what is written above, where all durations are good ones.
func durationOf(text string) time.Duration {
	d, _ := time.ParseDuration(text)
	return d
}

// spread gives a part of most that differs from text to text, and not from run
// to run.
func spread(text string, most time.Duration) time.Duration {
	sum := uint32(2166136261) // FNV-1a
	for i := range len(text) {
		sum = (sum ^ uint32(text[i])) * 16777619
	}
	return most * time.Duration(sum%1000) / 1000
}

// printed gives what a container has printed just now: lines, with the time.
func printed(lines string) string {
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000Z ")
	var all strings.Builder
	for line := range strings.Lines(lines) {
		all.WriteString(now + line)
	}
	return all.String()
}
