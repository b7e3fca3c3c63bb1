// A server or a client on Go's crypto/tls; arguments and commands are those of ../README.md.
package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
)

var groups = map[string]tls.CurveID{
	"X25519MLKEM768":     tls.X25519MLKEM768,
	"SecP256r1MLKEM768":  tls.SecP256r1MLKEM768,
	"SecP384r1MLKEM1024": tls.SecP384r1MLKEM1024,
	"x25519":             tls.X25519,
	"secp256r1":          tls.CurveP256,
	"secp384r1":          tls.CurveP384,
	"secp521r1":          tls.CurveP521,
}

func main() {
	arguments := map[string]string{}
	for _, word := range os.Args[1:] {
		name, value, _ := strings.Cut(word, "=")
		arguments[name] = value
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: arguments["name"]}
	switch arguments["version"] {
	case "TLSv1.2":
		config.MaxVersion = tls.VersionTLS12
	case "TLSv1.3":
		config.MinVersion = tls.VersionTLS13
	}
	if arguments["chain"] != "" {
		certificate, err := tls.LoadX509KeyPair(arguments["chain"], arguments["key"])
		if err != nil {
			log.Fatal(err)
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	if arguments["trusted"] != "" {
		pem, err := os.ReadFile(arguments["trusted"])
		if err != nil {
			log.Fatal(err)
		}
		config.RootCAs, config.ClientCAs = x509.NewCertPool(), x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(pem)
		config.ClientCAs.AppendCertsFromPEM(pem)
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if list := arguments["suites"]; list != "" {
		for _, suite := range tls.CipherSuites() {
			if slices.Contains(strings.Split(list, ","), suite.Name) {
				config.CipherSuites = append(config.CipherSuites, suite.ID)
			}
		}
	}
	if list := arguments["groups"]; list != "" {
		for _, name := range strings.Split(list, ",") {
			group, known := groups[name]
			if !known {
				log.Fatalf("no group %s", name)
			}
			config.CurvePreferences = append(config.CurvePreferences, group)
		}
	}
	if list := arguments["alpn"]; list != "" {
		config.NextProtos = strings.Split(list, ",")
	}
	if arguments["name"] != "" {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
		connections, _ := strconv.Atoi(arguments["connections"])
		bytes, _ := strconv.Atoi(arguments["bytes"])
		for range max(connections, 1) {
			if err := connect(arguments["port"], config, arguments["command"], bytes); err != nil {
				log.Fatal(err)
			}
		}
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+arguments["port"])
	if err != nil {
		log.Fatal(err)
	}
	for {
		tcp, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			connection := tls.Server(tcp, config)
			defer tcp.Close()
			if err := serve(connection); err != nil {
				log.Print(err)
			}
		}()
	}
}

func serve(connection *tls.Conn) error {
	reader := bufio.NewReaderSize(connection, 65536)
	line, err := reader.ReadString('\n')
	if err != nil {
		return err
	}
	command, argument, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch command {
	case "echo":
		_, err = io.Copy(connection, reader)
	case "download":
		var bytes int
		if bytes, err = strconv.Atoi(argument); err == nil {
			err = sendNumbered(connection, bytes)
		}
	case "upload":
		var facts string
		if facts, err = receiveAll(reader); err == nil {
			_, err = fmt.Fprintf(connection, "%s\n", facts)
		}
	case "farewell":
		if _, err = io.WriteString(connection, "farewell"); err == nil {
			err = connection.CloseWrite()
		}
		var facts string
		if err == nil {
			facts, err = receiveAll(reader)
		}
		if err == nil {
			fmt.Printf("received %s\n", facts)
			return nil
		}
	case "facts":
		state := connection.ConnectionState()
		name, protocol := orDash(state.ServerName), orDash(state.NegotiatedProtocol)
		_, err = fmt.Fprintf(connection, "sni=%s alpn=%s client=%s\n", name, protocol, yes(len(state.PeerCertificates) > 0))
	default:
		err = fmt.Errorf("no command %q", command)
	}
	if err != nil {
		return err
	}
	if err := connection.CloseWrite(); err != nil {
		return err
	}
	// To close with something unread would reset the connection, and could take what was sent last with it.
	_, err = io.Copy(io.Discard, reader)
	return err
}

func sendNumbered(to io.Writer, bytes int) error {
	const blockBytes = 4096
	var block [blockBytes]byte
	for line := range blockBytes / 16 {
		copy(block[16*line:], fmt.Sprintf("%015d\n", line))
	}
	buffer := make([]byte, 0, 16*blockBytes)
	for sent, number := 0, 0; sent < bytes; {
		buffer = buffer[:0]
		for len(buffer) < cap(buffer) {
			copy(block[:], fmt.Sprintf("%015d\n", number))
			buffer = append(buffer, block[:]...)
			number++
		}
		chunk := buffer[:min(len(buffer), bytes-sent)]
		if _, err := to.Write(chunk); err != nil {
			return err
		}
		sent += len(chunk)
	}
	return nil
}

func receiveAll(from io.Reader) (string, error) {
	hash := sha256.New()
	bytes, err := io.Copy(hash, from)
	return fmt.Sprintf("%d %x", bytes, hash.Sum(nil)), err
}

// Sends, half-closes and receives to the end.
func connect(port string, config *tls.Config, command string, bytes int) error {
	tcp, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	defer tcp.Close()
	connection := tls.Client(tcp, config)
	if err := connection.Handshake(); err != nil {
		return err
	}
	state := connection.ConnectionState()
	group := "-"
	for name, id := range groups {
		if id == state.CurveID {
			group = name
		}
	}
	fmt.Printf("version=TLSv1.%d suite=%s group=%s alpn=%s resumed=%s server=%s\n", state.Version-tls.VersionTLS10,
		tls.CipherSuiteName(state.CipherSuite), group, orDash(state.NegotiatedProtocol), yes(state.DidResume),
		state.PeerCertificates[0].Subject.CommonName)
	sent := make(chan error, 1)
	go func() {
		_, err := fmt.Fprintln(connection, command)
		if err == nil {
			err = sendNumbered(connection, bytes)
		}
		if err == nil {
			err = connection.CloseWrite()
		}
		sent <- err
	}()
	var reader io.Reader = connection
	if command == "facts" {
		reader = io.TeeReader(connection, os.Stdout)
	}
	facts, err := receiveAll(reader)
	if err != nil {
		return err
	}
	fmt.Printf("received %s\n", facts)
	return <-sent
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
