package main

import (
	"crypto/tls"
	"net"
	"net/http"
)

// server is the SOAP port. It can go away and come back at the same address, as a vCenter does that is
// restarted: what it knows of VMs and snapshots stays, its sessions do not.
type server struct {
	addr    string
	tls     *tls.Config // nil: plain HTTP
	handler http.Handler
	running *http.Server
}

func (v *server) up() error {
	if v.running != nil {
		return nil
	}
	l, err := net.Listen("tcp", v.addr)
	if err != nil {
		return err
	}
	if v.tls != nil {
		l = tls.NewListener(l, v.tls)
	}
	v.running = &http.Server{Handler: v.handler}
	go func(s *http.Server) { _ = s.Serve(l) }(v.running)
	return nil
}

func (v *server) down() {
	if v.running != nil {
		_ = v.running.Close() // with its connections
		v.running = nil
	}
}
