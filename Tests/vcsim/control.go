package main

import (
	"encoding/json"
	"io/ioutil"
	"net/http"
	"strconv"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// control is the test's side door (plain HTTP, loopback).
//
//	GET  /counts            {"total":n,"byMethod":{...},"inBytes":..,"outBytes":..,"faults":..,"running":..,"maxRunning":..}
//	POST /reset             zero the counts and the log
//	PUT  /rules  [Rule...]  replace the rules (DELETE: none)
//	POST /taskdelay?ms=1000
//	POST /expire            expire every session seen so far
//	POST /log?on=1 ; GET /log
//	GET  /vms               name, moref, power, host, snapshot tree as the server has it
//	POST /vm?name=N&do=destroy|poweroff|poweron|suspend|answer|snapshot|remove|revert|remove-all|migrate|tools[&argument=A]
//	                        what somebody else does to a VM
//	POST /storage?do=save&name=S ; POST /storage?do=rollback&name=S[&vms=regexp]
//	                        a storage snapshot of all VMs' files; Reload shows those that were rolled back
//	POST /down ; POST /up   the server stops and comes back without its sessions
func (s *sim) control() http.Handler {
	mux := http.NewServeMux()
	out := func(w http.ResponseWriter, v interface{}) { _ = json.NewEncoder(w).Encode(v) }
	mux.HandleFunc("/counts", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		var n int64
		for _, c := range s.counts {
			n += c
		}
		out(w, map[string]interface{}{"total": n, "byMethod": s.counts, "inBytes": s.inBytes, "outBytes": s.outBytes,
			"faults": s.faults, "running": s.running, "maxRunning": s.maxRun})
	})
	mux.HandleFunc("/reset", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.counts, s.inBytes, s.outBytes, s.faults, s.maxRun, s.logBuf = map[string]int64{}, 0, 0, 0, s.running, nil
		s.mu.Unlock()
	})
	mux.HandleFunc("/rules", func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPut, http.MethodPost:
			b, _ := ioutil.ReadAll(r.Body)
			if err := s.setRules(b); err != nil {
				http.Error(w, err.Error(), 400)
			}
		case http.MethodDelete:
			_ = s.setRules([]byte("[]"))
		default:
			s.mu.Lock()
			defer s.mu.Unlock()
			type hit struct {
				*Rule
				Hits int `json:"hits"`
			}
			var hs []hit
			for _, r := range s.rules {
				hs = append(hs, hit{r, r.hits})
			}
			out(w, hs)
		}
	})
	mux.HandleFunc("/taskdelay", func(w http.ResponseWriter, r *http.Request) {
		ms, err := strconv.Atoi(r.URL.Query().Get("ms"))
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		s.mu.Lock()
		s.taskDelay = time.Duration(ms) * time.Millisecond
		s.mu.Unlock()
	})
	mux.HandleFunc("/log", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.Method == http.MethodPost {
			s.logOn = r.URL.Query().Get("on") != "0"
			return
		}
		out(w, s.logBuf)
	})
	done := func(w http.ResponseWriter, err error) {
		if err != nil {
			http.Error(w, err.Error(), 400)
		}
	}
	mux.HandleFunc("/vm", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		done(w, s.meddle(q.Get("name"), q.Get("do"), q.Get("argument")))
	})
	mux.HandleFunc("/storage", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch q.Get("do") {
		case "save":
			s.saveStorage(q.Get("name"))
		case "rollback":
			done(w, s.rollBackStorage(q.Get("name"), q.Get("vms")))
		default:
			http.Error(w, "save or rollback", 400)
		}
	})
	expire := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for k := range s.seen {
			s.dead[k] = true
		}
	}
	mux.HandleFunc("/expire", func(w http.ResponseWriter, r *http.Request) { expire() })
	mux.HandleFunc("/down", func(w http.ResponseWriter, r *http.Request) { s.port.down(); expire() })
	mux.HandleFunc("/up", func(w http.ResponseWriter, r *http.Request) { done(w, s.port.up()) })
	mux.HandleFunc("/vms", func(w http.ResponseWriter, r *http.Request) {
		type snap struct {
			Name     string `json:"name"`
			Text     string `json:"description"`
			Ref      string `json:"ref"`
			Quiesced bool   `json:"quiesced"`
			Children []snap `json:"children,omitempty"`
		}
		type vmJSON struct {
			Name        string `json:"name"`
			Ref         string `json:"ref"`
			Power       string `json:"power"`
			Host        string `json:"host"`
			Consolidate bool   `json:"consolidate"`
			Snapshots   []snap `json:"snapshots"`
		}
		var conv func(t []types.VirtualMachineSnapshotTree) []snap
		conv = func(t []types.VirtualMachineSnapshotTree) (r []snap) {
			for _, x := range t {
				r = append(r, snap{x.Name, x.Description, x.Snapshot.Value, x.Quiesced, conv(x.ChildSnapshotList)})
			}
			return
		}
		var vs []vmJSON
		for _, e := range simulator.Map.All("VirtualMachine") {
			vm := e.(*simulator.VirtualMachine)
			simulator.Map.WithLock(vm, func() {
				v := vmJSON{Name: vm.Name, Ref: vm.Self.Value, Power: string(vm.Runtime.PowerState),
					Consolidate: vm.Runtime.ConsolidationNeeded != nil && *vm.Runtime.ConsolidationNeeded}
				if vm.Runtime.Host != nil {
					v.Host = vm.Runtime.Host.Value
				}
				if vm.Snapshot != nil {
					v.Snapshots = conv(vm.Snapshot.RootSnapshotList)
				}
				vs = append(vs, v)
			})
		}
		out(w, vs)
	})
	return mux
}
