module tlsify.example/peer

go 1.26
