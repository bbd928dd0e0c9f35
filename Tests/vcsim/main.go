// Command vcsim serves Debian's govmomi/simulator (0.24.2) on 127.0.0.1 over TLS with what a
// snapshot-orchestration test needs on top: asynchronous tasks with a delay, paging of
// RetrievePropertiesEx, CreateSnapshotEx_Task, ConsolidateVMDisks_Task, fault injection by
// rule (set at run time over a loopback control port), odd inventory (NFS datastores, PCI
// pass-through, independent disks) and a count of SOAP round trips.
//
// Build, offline, no modules:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o vcsim .
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io/ioutil"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/types"
)

func selfSigned(certOut, host string, days int) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	t := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: "vcsim"},
		NotBefore:             time.Now().Add(-48 * time.Hour),
		NotAfter:              time.Now().Add(time.Duration(days) * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
		DNSNames:              []string{"localhost", "vcsim.test"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if host != "" {
		t.DNSNames, t.IPAddresses = []string{host}, nil
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	if certOut != "" {
		p := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		if err = ioutil.WriteFile(certOut, p, 0644); err != nil {
			return tls.Certificate{}, err
		}
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

func simPropertyCollector() *types.ManagedObjectReference {
	si := simulator.Map.Get(vim25.ServiceInstance).(*simulator.ServiceInstance)
	return &si.Content.PropertyCollector
}

func main() {
	var (
		addr    = flag.String("l", "127.0.0.1:8989", "SOAP listen address (port 0 = any)")
		ctl     = flag.String("ctl", "", "control HTTP listen address, e.g. 127.0.0.1:8990")
		user    = flag.String("user", "root", "user name accepted by Login")
		pass    = flag.String("pass", "secret", "password accepted by Login")
		cert    = flag.String("cert", "", "TLS certificate chain, PEM (default: self-signed for 127.0.0.1/localhost)")
		key     = flag.String("key", "", "TLS key, PEM")
		certOut = flag.String("certout", "", "write the self-signed certificate here, PEM")
		host    = flag.String("certhost", "", "the self-signed certificate is for this host alone")
		days    = flag.Int("certdays", 365, "the self-signed certificate ends in so many days; -1: yesterday")
		notls   = flag.Bool("notls", false, "plain HTTP")
		esx     = flag.Bool("esx", false, "stand-alone ESXi model instead of vCenter")
		dcs     = flag.Int("dc", 1, "datacenters (vCenter)")
		cluster = flag.Int("cluster", 1, "clusters per datacenter (vCenter)")
		hosts   = flag.Int("hosts", 2, "hosts per cluster (vCenter)")
		alone   = flag.Int("standalone", 0, "stand-alone hosts per datacenter (vCenter)")
		pg      = flag.Int("pg", 0, "distributed port groups per datacenter (vCenter)")
		folders = flag.Int("folder", 0, "datacenters placed in folders (vCenter)")
		vms     = flag.Int("vms", 2, "VMs per cluster / stand-alone host (or on the ESXi host)")
		ds      = flag.Int("ds", 1, "local datastores")
		inv     = flag.String("inventory", "", "JSON file: extra datastores, VMs, devices (see inventory.go)")
		rules   = flag.String("rules", "", "JSON file: fault/delay rules (see hooks.go)")
		delay   = flag.Int("taskdelay", 0, "ms every hooked task stays running")
		rpc     = flag.Int("rpcdelay", 0, "ms before every SOAP answer (simulator DelayConfig)")
		page    = flag.Int("page", 0, "server-side cap on objects per RetrievePropertiesEx page (0 = only what maxObjects asks)")
		api     = flag.String("apiversion", "", "about.apiVersion/version to report (default 6.5 as vCenter, 6.5 as ESXi)")
		prog    = flag.Bool("progress", true, "running tasks report info.progress 25/50/75/100")
		plain   = flag.Bool("plain", false, "no hooks: stock 0.24.2 behaviour, counting only")
		busy    = flag.Bool("busy", true, "a second task on a VM that has one running fails with TaskInProgress")
		watch   = flag.Int("watch", 0, "end when this process has ended")
		quiet   = flag.Bool("q", true, "drop the simulator's log lines")
	)
	flag.Parse()
	if *quiet {
		log.SetOutput(ioutil.Discard)
	}
	die := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "vcsim:", err)
			os.Exit(1)
		}
	}

	start := time.Now()
	m := simulator.VPX()
	if *esx {
		m = simulator.ESX()
	} else {
		m.Datacenter, m.Cluster, m.ClusterHost, m.Host = *dcs, *cluster, *hosts, *alone
		m.Portgroup, m.Folder = *pg, *folders
	}
	m.Machine, m.Datastore = *vms, *ds
	if *api != "" {
		m.ServiceContent.About.ApiVersion, m.ServiceContent.About.Version = *api, *api
	}
	m.DelayConfig.Delay = *rpc
	die(m.Create())
	defer m.Remove()

	s := &sim{
		model: m, plain: *plain, page: *page, taskDelay: time.Duration(*delay) * time.Millisecond,
		busyCheck: *busy, progress: *prog, counts: map[string]int64{}, busyVM: map[string]int{}, dead: map[string]bool{}, seen: map[string]bool{},
		toolsDown: map[string]bool{},
		storage:   storage{map[string]map[types.ManagedObjectReference]storedVM{}, map[types.ManagedObjectReference]storedVM{}, 0},
	}
	if !*plain {
		pc := new(fetchPC)
		pc.Self = *simPropertyCollector()
		simulator.Map.Put(pc)
		startTools()
	}
	if *inv != "" {
		b, err := ioutil.ReadFile(*inv)
		die(err)
		var spec Inventory
		die(json.Unmarshal(b, &spec))
		die(s.build(spec))
	}
	if *rules != "" {
		b, err := ioutil.ReadFile(*rules)
		die(err)
		die(s.setRules(b))
	}

	m.Service.Listen = &url.URL{Host: *addr, User: url.UserPassword(*user, *pass)}
	if !*notls {
		m.Service.TLS = new(tls.Config)
		m.Service.TLS.MinVersion = tls.VersionTLS12
		if *cert != "" {
			c, err := tls.LoadX509KeyPair(*cert, *key)
			die(err)
			m.Service.TLS.Certificates = []tls.Certificate{c}
		} else {
			c, err := selfSigned(*certOut, *host, *days)
			die(err)
			m.Service.TLS.Certificates = []tls.Certificate{c}
		}
	}
	srv := m.Service.NewServer()
	// Nobody has been told its address yet: from here on it is ours, so that it can go away and come back.
	s.next = srv.Config.Handler
	s.port = &server{addr: srv.URL.Host, tls: m.Service.TLS, handler: s}
	_ = srv.Listener.Close()
	die(s.port.up())

	ctlURL := ""
	if *ctl != "" {
		l, err := net.Listen("tcp", *ctl)
		die(err)
		ctlURL = "http://" + l.Addr().String()
		go func() { _ = http.Serve(l, s.control()) }()
	}
	c := m.Count()
	line, _ := json.Marshal(map[string]interface{}{
		"sdk": srv.URL.Scheme + "://" + srv.URL.Host + "/sdk", "ctl": ctlURL, "pid": os.Getpid(),
		"vms": c.Machine, "hosts": c.Host, "datastores": c.Datastore, "startMs": time.Since(start).Milliseconds(),
	})
	fmt.Println(string(line)) // one JSON line on stdout = ready

	if *watch != 0 {
		go func() {
			for syscall.Kill(*watch, 0) == nil {
				time.Sleep(time.Second)
			}
			_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
		}()
	}
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGINT, syscall.SIGTERM)
	<-sig
	for _, d := range s.dirs {
		_ = os.RemoveAll(d)
	}
}
