// What Go's crypto/x509 says of chains. Each line of the input is one: the trusted certificate, the leaf, and what else is sent, in base64
// with spaces between. Each line of the output is "OK" or the reason.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"strings"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	output := bufio.NewWriter(os.Stdout)
	defer output.Flush()
	for lines.Scan() {
		if err := verify(strings.Fields(lines.Text())); err != nil {
			fmt.Fprintln(output, strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Fprintln(output, "OK")
		}
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}

func verify(fields []string) error {
	certificates := []*x509.Certificate{}
	for _, field := range fields {
		der, err := base64.StdEncoding.DecodeString(field)
		if err != nil {
			log.Fatal(err)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		certificates = append(certificates, certificate)
	}
	roots, rest := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(certificates[0])
	for _, certificate := range certificates[2:] {
		rest.AddCert(certificate)
	}
	_, err := certificates[1].Verify(x509.VerifyOptions{DNSName: "a.test", Roots: roots, Intermediates: rest})
	return err
}
