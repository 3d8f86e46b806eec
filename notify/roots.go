package notify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// maxRoots is how many bytes a file of certificates may have. A whole system's
// has about 220 KB.
const maxRoots = 4 << 20

// readRoots gives the authorities of the system and those in a file; nil, which
// means the system's, where there is no file. It is read at start only.
func readRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // no pool means the system's, to crypto/tls too
	}
	text, err := readCertificates(path)
	if err != nil {
		return nil, fmt.Errorf("AUTOHEAL_ALERT_CA_FILE: %w; allowed is a file of certificates (PEM), for example %s", err, example("AUTOHEAL_ALERT_CA_FILE"))
	}
	roots, err := x509.SystemCertPool()
	if err != nil { // an image without any: those of the file are all
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("AUTOHEAL_ALERT_CA_FILE: %.100q holds no certificate (-----BEGIN CERTIFICATE-----); allowed is a file of certificates (PEM), for example %s", path, example("AUTOHEAL_ALERT_CA_FILE"))
	}
	return roots, nil
}

func readCertificates(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // a pipe could block for ever
		return nil, errors.New("it is not a regular file")
	case info.Size() > maxRoots:
		return nil, fmt.Errorf("it has more than %d bytes", maxRoots)
	}
	return os.ReadFile(path)
}

// trust gives the settings of TLS for these authorities.
func trust(roots *x509.CertPool) *tls.Config {
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}
