package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{t: t, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the tests' own"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}}
	a.cert.Raw, a.key = a.sign(a.cert)
	return a
}

// sign makes a certificate and its key; the authority's own, while it has none.
func (a authority) sign(what *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	signer := a.key
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, what, a.cert, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	return der, key
}

// issue writes cert.pem and key.pem for one side, and ca.pem to know the other by.
func (a authority) issue(use x509.ExtKeyUsage, others authority) (folder string) {
	a.t.Helper()
	der, key := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "e2e"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{use},
	})
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	folder = a.t.TempDir()
	for name, block := range map[string]pem.Block{
		"ca.pem": {Type: "CERTIFICATE", Bytes: others.cert.Raw}, "cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(&block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return folder
}

// TestMutualTLS: an engine that is reached over TCP, and lets in only whom its
// authority has signed. Nothing else can reach it: its network is its own, and
// defib runs in there.
func TestMutualTLS(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	files := ours.issue(x509.ExtKeyUsageServerAuth, ours)
	own := startEngine(t, "--tlsverify", "--tlscacert", files+"/ca.pem", "--tlscert", files+"/cert.pem", "--tlskey", files+"/key.pem",
		"-H", "tcp://127.0.0.1:2376")
	own.bring(theStage().image)
	s := newSceneOn(t, own.engine)
	sick := s.patient("sick", s.watched())
	over := func(certs string, more ...string) *watchdog {
		mount := []string{"--network", "host", "-e", "DOCKER_HOST=tcp://127.0.0.1:2376", "-e", "AUTOHEAL_LISTEN=off"}
		if certs != "" {
			mount = append(mount, "-e", "DOCKER_TLS_VERIFY=1", "-e", "DOCKER_CERT_PATH=/certs", "-v", certs+":/certs:ro")
		}
		return s.defibOn(own.engine, mount, more...)
	}
	remove := func(d *watchdog) { s.docker("rm", "-f", d.id) }

	for name, c := range map[string]struct{ certs, want string }{
		"no TLS at all":                {"", "wants TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder of ca.pem, cert.pem and key.pem"},
		"another authority":            {ours.issue(x509.ExtKeyUsageClientAuth, other), "a certificate of an authority that defib does not know: put the ca.pem that signed it"},
		"a certificate of a stranger":  {other.issue(x509.ExtKeyUsageClientAuth, ours), "does not accept defib's certificate (tls: "},
		"no certificate of the client": {onlyCA(t, files), "/certs has no cert.pem and key.pem"},
	} {
		d := over(c.certs)
		s.await("what is wrong to be said: "+name, func() bool { return strings.Contains(d.log(), c.want) })
		remove(d)
	}

	d := over(ours.issue(x509.ExtKeyUsageClientAuth, ours))
	s.await("defib to watch", d.watches)
	sick.awaits(healthy, 1)
	sick.sicken()
	sick.isHealed(1)
	s.await("the recovery to be logged", func() bool { return len(d.gave(sick, "recovered")) == 1 })
	s.await("defib to be well", d.isWell)
	d.runs()
}

// onlyCA gives a folder that has nothing but the ca.pem of another.
func onlyCA(t *testing.T, from string) string {
	t.Helper()
	ca, err := os.ReadFile(filepath.Join(from, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "ca.pem"), ca, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}
