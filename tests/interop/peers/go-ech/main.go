// A peer with Encrypted Client Hello: `server CONFIG KEY [p256]` says where it listens, and tells each client what it has seen;
// `client CONFIGLIST ADDRESS` says what became of it. All byte strings are hexadecimal.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"time"
)

func main() {
	if os.Args[1] == "server" {
		serve(unhex(os.Args[2]), unhex(os.Args[3]), len(os.Args) > 4)
	} else {
		dial(unhex(os.Args[2]), os.Args[3])
	}
}

func serve(config, key []byte, onlyP256 bool) {
	settings := &tls.Config{
		Certificates:             []tls.Certificate{certificate()},
		EncryptedClientHelloKeys: []tls.EncryptedClientHelloKey{{Config: config, PrivateKey: key, SendAsRetry: true}},
	}
	if onlyP256 {
		settings.CurvePreferences = []tls.CurveID{tls.CurveP256}
	}
	listener := must(tls.Listen("tcp", "127.0.0.1:0", settings))
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			if connection.(*tls.Conn).Handshake() != nil {
				return
			}
			state := connection.(*tls.Conn).ConnectionState()
			fmt.Fprintf(connection, "ech=%v sni=%s hrr=%v\n", state.ECHAccepted, state.ServerName, state.HelloRetryRequest)
			io.Copy(io.Discard, connection)
		}()
	}
}

func dial(list []byte, address string) {
	connection, err := tls.Dial("tcp", address, &tls.Config{
		ServerName:                     "secret.example",
		InsecureSkipVerify:             true,
		EncryptedClientHelloConfigList: list,
		// The certificate is not the matter here.
		EncryptedClientHelloRejectionVerify: func(tls.ConnectionState) error { return nil },
	})
	var rejected *tls.ECHRejectionError
	if errors.As(err, &rejected) {
		fmt.Printf("rejected retry=%x\n", rejected.RetryConfigList)
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	state := connection.ConnectionState()
	fmt.Printf("ech=%v hrr=%v\n", state.ECHAccepted, state.HelloRetryRequest)
	connection.Close()
}

func certificate() tls.Certificate {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		DNSNames:     []string{"secret.example", "public.example"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func unhex(text string) []byte {
	return must(hex.DecodeString(text))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
