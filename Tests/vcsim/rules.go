package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// Rule says what goes wrong (or slowly) and when. All match fields must match; the first rule
// with something left to give applies.
type Rule struct {
	Method  string `json:"method"`  // regexp, the whole SOAP method, e.g. CreateSnapshot(Ex)?_Task; "" = any
	VM      string `json:"vm"`      // regexp on the name of the VM concerned; "" = any
	Quiesce *bool  `json:"quiesce"` // CreateSnapshot*: only with this quiesce flag
	Skip    int    `json:"skip"`    // let this many matches pass first
	Times   int    `json:"times"`   // then apply this many times; 0 = always

	DelayMs     int             `json:"delayMs"`             // before the SOAP answer
	HTTPStatus  int             `json:"httpStatus"`          // answer with this status and no SOAP
	Drop        bool            `json:"drop"`                // close the connection, call not executed
	DropAfter   bool            `json:"dropAfter"`           // execute the call, then close the connection: answer lost
	Truncate    int             `json:"truncate"`            // execute, then send only this many bytes of the answer
	Answer      *string         `json:"answer"`              // call not executed, this text is the answer
	Garbage     int             `json:"garbage"`             // with answer: at least this many bytes of nonsense after it
	CallFault   string          `json:"callFault"`           // SOAP fault from the call itself, e.g. NotAuthenticated
	TaskFault   string          `json:"taskFault"`           // the task ends in error with this fault, nothing done
	FaultAfter  bool            `json:"faultAfter"`          // with taskFault: do the work, then report the fault
	FaultFields json.RawMessage `json:"faultFields"`         // JSON for the fault's fields (Go names)
	Message     string          `json:"message"`             // localizedMessage / faultstring
	QueuedMs    int             `json:"queuedMs"`            // task stays queued
	TaskDelayMs *int            `json:"taskDelayMs"`         // task stays running (overrides -taskdelay)
	Stuck       bool            `json:"stuck"`               // task never ends
	Question    string          `json:"question"`            // the VM asks this, and the task waits for POST /vm?do=answer
	NotQuiesced bool            `json:"notQuiesced"`         // CreateSnapshot*: succeeds with quiesced=false
	Consolidate bool            `json:"consolidationNeeded"` // RemoveSnapshot: leaves runtime.consolidationNeeded=true

	method, vm *regexp.Regexp
	hits       int
}

func (s *sim) setRules(b []byte) error {
	var rs []*Rule
	if err := json.Unmarshal(b, &rs); err != nil {
		return err
	}
	for _, r := range rs {
		var err error
		if r.vm, err = regexp.Compile(r.VM); err != nil {
			return err
		}
		if r.method, err = regexp.Compile("^(?:" + r.Method + ")$"); err != nil {
			return err
		}
		for _, f := range []string{r.CallFault, r.TaskFault} {
			if f != "" {
				if _, err = newFault(f, r.FaultFields, types.ManagedObjectReference{}); err != nil {
					return err
				}
			}
		}
	}
	s.mu.Lock()
	s.rules = rs
	s.mu.Unlock()
	return nil
}

func newFault(name string, fields json.RawMessage, this types.ManagedObjectReference) (types.BaseMethodFault, error) {
	// The wire name of fault FileLocked is FileLockedFault: accept both, but
	// ApplicationQuiesceFault is itself the fault's name.
	if t, ok := types.TypeFunc()(strings.TrimSuffix(name, "Fault")); ok && t.Kind() == reflect.Struct {
		if _, ok = reflect.New(t).Interface().(types.BaseMethodFault); ok {
			name = strings.TrimSuffix(name, "Fault")
		}
	}
	t, ok := types.TypeFunc()(name)
	if !ok {
		return nil, fmt.Errorf("no vim25 type %q", name)
	}
	v := reflect.New(t).Interface()
	f, ok := v.(types.BaseMethodFault)
	if !ok {
		return nil, fmt.Errorf("%q is not a fault", name)
	}
	if len(fields) != 0 {
		if err := json.Unmarshal(fields, v); err != nil {
			return nil, err
		}
	}
	fillRefs(reflect.ValueOf(v).Elem(), this)
	return f, nil
}

// fillRefs gives required references a value; strict clients refuse type="".
func fillRefs(v reflect.Value, this types.ManagedObjectReference) {
	for i := 0; i < v.NumField(); i++ {
		f := v.Field(i)
		if r, ok := f.Interface().(types.ManagedObjectReference); ok {
			if r.Type == "" {
				r = this
				if v.Type().Field(i).Name == "Task" || r.Type == "" {
					r = types.ManagedObjectReference{Type: "Task", Value: "task-0"}
				}
				f.Set(reflect.ValueOf(r))
			}
		} else if f.Kind() == reflect.Struct && v.Type().Field(i).Anonymous {
			fillRefs(f, this)
		}
	}
}

func (s *sim) match(method, vmName string, quiesce bool) *Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.rules {
		if r.Method != "" && !r.method.MatchString(method) || r.VM != "" && (vmName == "" || !r.vm.MatchString(vmName)) {
			continue
		}
		if r.Quiesce != nil && *r.Quiesce != quiesce {
			continue
		}
		r.hits++
		if r.hits <= r.Skip || r.Times > 0 && r.hits > r.Skip+r.Times {
			continue
		}
		return r
	}
	return nil
}

// The simulator passes ctx.Session.UserAgent... to handlers but not the *http.Request, so the
// rule travels in the User-Agent header, which SetSession copies into the session per request.
var (
	parkMu  sync.Mutex
	parked  = map[string]*Rule{}
	parkSeq int
)

func (s *sim) park(r *Rule) string {
	parkMu.Lock()
	defer parkMu.Unlock()
	parkSeq++
	id := strconv.Itoa(parkSeq)
	parked[id] = r
	return id
}

var reRule = regexp.MustCompile(` rule/(\d+)$`)

func ruleOf(ctx *simulator.Context) *Rule {
	if ctx.Session == nil {
		return nil
	}
	m := reRule.FindStringSubmatch(ctx.Session.UserAgent)
	if m == nil {
		return nil
	}
	parkMu.Lock()
	defer parkMu.Unlock()
	r := parked[m[1]]
	delete(parked, m[1])
	return r
}
