package watcher

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"defib/internal/dockertest"
)

func TestParseEndpoint(t *testing.T) {
	for address, want := range map[string]string{
		"/var/run/docker.sock":         "unix:///var/run/docker.sock",
		" unix:///run/podman.sock ":    "unix:///run/podman.sock",
		"unix:/run/docker.sock":        "unix:///run/docker.sock",
		"tcp://proxy:2375":             "tcp://proxy:2375",
		"http://proxy:2375":            "tcp://proxy:2375",
		"tcp://user:secret@proxy:2375": "tcp://proxy:2375",
		"tcp://[::1]:2375":             "tcp://[::1]:2375",
		"https://host:2376":            "tcp://host:2376 over TLS",
		"ssh://host":                   `has the scheme "ssh"`,
		"npipe:////./pipe/docker":      `has the scheme "npipe"`,
		"proxy:2375":                   `has the scheme "proxy"`,
		"tcp://proxy":                  "has no port",
		"unix://run/docker.sock":       "needs an absolute path",
		"":                             "is not an address",
		"tcp://a b:1":                  "is not an address",
		"tcps://host:2376":             "read the certificate authority",
	} {
		e, err := ParseEndpoint(address, "", false)
		got := e.Host
		if e.TLS != nil {
			got += " over TLS"
		}
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s; want %s", address, got, want)
		}
	}
}

// TestMutualTLS: both name sets of the certificate files work, and whoever is
// not trusted is told of in words.
func TestMutualTLS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	serveTLS := func(name string) string {
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{ca.issue(t, name)}, ClientCAs: ca.pool, ClientAuth: tls.RequireAndVerifyClientCert,
		})
		if err != nil {
			t.Fatal(err)
		}
		eng := dockertest.New(dockertest.Options{})
		eng.Serve(l)
		t.Cleanup(eng.Close)
		_, port, _ := net.SplitHostPort(l.Addr().String())
		return "localhost:" + port
	}
	right, misnamed := serveTLS("localhost"), serveTLS("docker.example.org")
	plain := strings.Replace(strings.TrimPrefix(serve(t, dockertest.Options{}), "tcp://"), "127.0.0.1", "localhost", 1)
	for name, c := range map[string]struct {
		address          string
		cert, key        string // names of the client's files; empty: none
		client, trusting *authority
		want             string
	}{
		"Docker's names":          {"tcp://" + right, "cert.pem", "key.pem", ca, ca, ""},
		"docker-autoheal's names": {"tcps://" + right, "client-cert.pem", "client-key.pem", ca, ca, ""},
		"an engine of another authority": {
			"https://" + right, "cert.pem", "key.pem", ca, other,
			"the engine at tcp://" + right + " has a certificate of an authority that defib does not know: put the ca.pem",
		},
		"a client of another authority": {
			"tcp://" + right, "cert.pem", "key.pem", other, ca,
			"the engine at tcp://" + right + " does not accept defib's certificate (tls: unknown certificate authority): the folder",
		},
		"no certificate of the client": {
			"tcp://" + right, "", "", nil, ca, "has no cert.pem and key.pem",
		},
		"an engine of another name": {
			"tcp://" + misnamed, "cert.pem", "key.pem", ca, ca, "has a certificate for other names: x509: certificate is valid for docker.example.org, not localhost; call it by",
		},
		"an engine without TLS": {
			"tcp://" + plain, "cert.pem", "key.pem", ca, ca, "the engine at tcp://" + plain + " does not speak TLS",
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if c.cert != "" {
				c.client.write(t, folder, c.cert, c.key)
			}
			c.trusting.writeRoot(t, folder)
			e, err := ParseEndpoint(c.address, folder, true)
			if err == nil {
				var conn *engine
				if conn, err = connect(t.Context(), Options{Endpoint: e}, func(error) {}); err == nil {
					conn.close()
				}
			}
			if (c.want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
	for _, address := range []string{"tcp://" + right, "http://" + right} {
		e, err := ParseEndpoint(address, "", false)
		if err != nil {
			t.Fatal(err)
		}
		_, err = connect(t.Context(), Options{Endpoint: e}, func(error) {})
		if want := "the engine at tcp://" + right + " wants TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder of"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", address, err, want)
		}
	}
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	a := &authority{key: newKey(t), pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) issue(t *testing.T, name string) tls.Certificate {
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// write issues a client's certificate into a folder.
func (a *authority) write(t *testing.T, folder, certName, keyName string) {
	pair := a.issue(t, "defib")
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatal("not an ecdsa key")
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(folder, certName), "CERTIFICATE", pair.Certificate[0])
	writePEM(t, filepath.Join(folder, keyName), "PRIVATE KEY", der)
}

func (a *authority) writeRoot(t *testing.T, folder string) {
	writePEM(t, filepath.Join(folder, "ca.pem"), "CERTIFICATE", a.cert.Raw)
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestConnectSaysWhatToDo: each way of not reaching an engine has its words.
func TestConnectSaysWhatToDo(t *testing.T) {
	folder := t.TempDir()
	dead := filepath.Join(folder, "dead.sock")
	l, err := net.Listen("unix", dead)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) //nolint:forcetypeassert // it is one
	_ = l.Close()
	old := serve(t, dockertest.Options{APIVersion: "1.24", MinAPIVersion: "1.12"})
	young := serve(t, dockertest.Options{Version: "40.0.0", APIVersion: "1.60", MinAPIVersion: "1.55"})
	noPing := serve(t, dockertest.Options{}, func(e *dockertest.Engine) {
		e.Fail(func(c dockertest.Call) bool { return c.Kind == "ping" }, dockertest.Fault{Status: 403, Body: "<html>403 Forbidden</html>"})
	})
	for host, want := range map[string]string{
		"unix://" + folder + "/none.sock": "there is no socket at unix://" + folder + "/none.sock; mount it",
		"unix://" + dead:                  "nobody answers at unix://" + dead + "; is the engine running?",
		"tcp://127.0.0.1:1":               "Cannot connect to the Docker daemon at tcp://127.0.0.1:1",
		old:                               "speaks API 1.24; defib needs at least 1.25",
		young:                             "client version 1.51 is too old",
		noPing:                            "does not allow /_ping; allow it",
	} {
		e, err := connect(t.Context(), Options{Endpoint: Endpoint{Host: host}}, func(error) {})
		if err == nil {
			// An engine that is too new says so to the first call.
			_, err = e.list(t.Context(), "unhealthy")
			e.close()
			if said := plain(err); !strings.Contains(said, "needs a newer version, unless DOCKER_API_VERSION is what names too old a one: ") {
				t.Errorf("%s: %s", host, said)
			}
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", host, err, want)
		}
	}
}

// serve runs an engine on a port of its own and gives its address.
func serve(t *testing.T, o dockertest.Options, change ...func(*dockertest.Engine)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	eng := dockertest.New(o)
	for _, f := range change {
		f(eng)
	}
	eng.Serve(l)
	t.Cleanup(eng.Close)
	return "tcp://" + l.Addr().String()
}

func TestOwnID(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	for name, c := range map[string]struct{ mounts, hostname, want string }{
		"docker":            {"600 590 254:0 /var/lib/docker/containers/" + id + "/hostname /etc/hostname rw - ext4 /dev/vda rw\n", "web", id},
		"docker, own root":  {"600 590 254:0 /srv/d/containers/" + id + "/resolv.conf /etc/resolv.conf rw - ext4 /dev/vda rw\n", "", id},
		"podman":            {"600 590 0:40 /containers/overlay-containers/" + id + "/userdata/hostname /etc/hostname rw - tmpfs tmpfs rw\n", "", id},
		"only the hostname": {"600 590 0:1 / / rw - overlay overlay rw\n", "0123456789ab", "0123456789ab"},
		"outside":           {"20 1 254:0 / / rw - ext4 /dev/vda rw\n", "myhost", ""},
	} {
		root := t.TempDir()
		for path, text := range map[string]string{"proc/self/mountinfo": c.mounts, "etc/hostname": c.hostname + "\n"} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got := OwnID(root)
		if got != c.want || isOwn(got, id) != (c.want != "") {
			t.Errorf("%s: %q; want %q", name, got, c.want)
		}
	}
}
