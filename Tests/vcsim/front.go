package main

import (
	"bytes"
	"io/ioutil"
	"log"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

type sim struct {
	model     *simulator.Model
	next      http.Handler
	plain     bool
	busyCheck bool
	page      int
	taskDelay time.Duration
	progress  bool

	mu       sync.Mutex
	counts   map[string]int64
	inBytes  int64
	outBytes int64
	faults   int64
	running  int
	maxRun   int
	busyVM   map[string]int
	rules    []*Rule
	seen     map[string]bool // session cookies seen
	dead     map[string]bool // session cookies expired by /expire
	logBuf   []logLine
	logOn    bool
	dirs     []string // temporary directories of extra datastores
	port     *server
	storage  storage

	toolsDown map[string]bool // VMs whose tools ended with their guest, and come back with it
}

var garbage = bytes.Repeat([]byte("no XML at all\x00\xff "), 4096)

type logLine struct {
	T      time.Time `json:"t"`
	Method string    `json:"method"`
	This   string    `json:"this"`
	VM     string    `json:"vm,omitempty"`
	Status int       `json:"status"`
	Us     int64     `json:"us"`
	Remote string    `json:"remote"`
}

var (
	reMethod = regexp.MustCompile(`<(?:\w+:)?Body[^>]*>\s*<(?:\w+:)?(\w+)`)
	reThis   = regexp.MustCompile(`(<(?:\w+:)?_this\b[^>]*?\stype=")([^"]+)("[^>]*>)([^<]+)<`)
	reQuiesc = regexp.MustCompile(`<(?:\w+:)?quiesce\b[^>]*>\s*(true|1)\s*<|<(?:\w+:)?quiesceSpec\b`)
)

// Methods sent to our own handler objects. The simulator finds a handler by the _this reference
// of the request; rewriting its type ("VirtualMachine" -> "HookVM") selects ours, while
// session check, decoding, fault and answer encoding stay the simulator's. The real objects
// stay in the registry unwrapped: 0.24.2 asserts .(*VirtualMachine) in many places, so the
// wrap-and-Map.Put pattern of its example panics on snapshots and property reads.
var hookMethods = map[string]map[string]string{
	"VirtualMachine": {
		"CreateSnapshot_Task": "HookVM", "CreateSnapshotEx_Task": "HookVM", "ConsolidateVMDisks_Task": "HookVM",
		"RemoveAllSnapshots_Task": "HookVM", "PowerOffVM_Task": "HookVM", "PowerOnVM_Task": "HookVM", "ShutdownGuest": "HookVM",
		"SuspendVM_Task": "HookVM", "Reload": "HookVM",
	},
	"VirtualMachineSnapshot": {"RemoveSnapshot_Task": "HookSnapshot", "RevertToSnapshot_Task": "HookSnapshot"},
	"PropertyCollector": {
		"RetrievePropertiesEx": "HookPC", "ContinueRetrievePropertiesEx": "HookPC", "CancelRetrievePropertiesEx": "HookPC",
	},
	"Task": {"CancelTask": "HookTask"},
}

// vmOf names the VM a reference is about.
func vmOf(ref types.ManagedObjectReference) (types.ManagedObjectReference, string) {
	switch o := simulator.Map.Get(ref).(type) {
	case *simulator.VirtualMachine:
		return o.Self, o.Name
	case *simulator.VirtualMachineSnapshot:
		return vmOf(o.Vm)
	case *simulator.Task:
		if o.Info.Entity != nil && o.Info.Entity.Type != "Task" {
			return vmOf(*o.Info.Entity)
		}
	}
	return types.ManagedObjectReference{}, ""
}

// ServeHTTP sits in front of the simulator's ServeMux.
func (s *sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/sdk" && r.URL.Path != "/sdk/" && r.URL.Path != "/sdk/vimService" {
		s.next.ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/sdk/" {
		r.URL.Path = "/sdk"
	}
	start := time.Now()
	body, err := ioutil.ReadAll(r.Body)
	if err != nil {
		return
	}
	method, this := "?", types.ManagedObjectReference{}
	if m := reMethod.FindSubmatch(body); m != nil {
		method = string(m[1])
	}
	loc := reThis.FindSubmatchIndex(body)
	if loc != nil {
		this.Type, this.Value = string(body[loc[4]:loc[5]]), string(body[loc[8]:loc[9]])
	}
	s.mu.Lock()
	s.counts[method]++
	s.inBytes += int64(len(body))
	if c, err := r.Cookie(soap.SessionCookieName); err == nil {
		if s.dead[c.Value] {
			r.Header.Del("Cookie") // session expired: the simulator sees no session
		}
		s.seen[c.Value] = true
	}
	s.mu.Unlock()

	vmRef, vmName := vmOf(this)
	_ = vmRef
	var rule *Rule
	if !s.plain {
		rule = s.match(method, vmName, reQuiesc.Match(body))
	}
	rec := &countWriter{ResponseWriter: w, kind: this.Type}
	defer func() {
		s.mu.Lock()
		s.outBytes += int64(rec.n)
		if rec.status >= 400 {
			s.faults++
		}
		if s.logOn {
			s.logBuf = append(s.logBuf, logLine{start, method, this.Type + ":" + this.Value, vmName, rec.status,
				time.Since(start).Microseconds(), r.RemoteAddr})
		}
		s.mu.Unlock()
	}()

	if rule != nil {
		if rule.DelayMs > 0 {
			time.Sleep(time.Duration(rule.DelayMs) * time.Millisecond)
		}
		switch {
		case rule.Drop:
			panic(http.ErrAbortHandler)
		case rule.HTTPStatus != 0:
			rec.WriteHeader(rule.HTTPStatus)
			return
		case rule.Answer != nil:
			rec.Header().Set("Content-Type", "text/xml; charset=utf-8")
			_, _ = rec.Write([]byte(*rule.Answer))
			for n := 0; n < rule.Garbage; n += len(garbage) {
				if _, err := rec.Write(garbage); err != nil {
					return
				}
			}
			return
		case rule.CallFault != "":
			f, _ := newFault(rule.CallFault, rule.FaultFields, this)
			writeFault(rec, rule.Message, f)
			return
		}
	}

	if !s.plain && loc != nil {
		if kind := hookMethods[this.Type][method]; kind != "" && simulator.Map.Get(this) != nil || kind == "HookPC" {
			ref := types.ManagedObjectReference{Type: kind, Value: this.Value}
			s.mu.Lock()
			if simulator.Map.Get(ref) == nil {
				s.put(kind, ref, this)
			}
			s.mu.Unlock()
			var b bytes.Buffer
			b.Write(body[:loc[4]])
			b.WriteString(kind)
			b.Write(body[loc[5]:])
			body, rec.hook = b.Bytes(), kind
			if rule != nil { // hand the rule to the handler (ctx is per request, keyed by header)
				id := s.park(rule)
				r.Header.Set("User-Agent", r.UserAgent()+" rule/"+id)
			}
		}
	}
	r.Body = ioutil.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))

	if rule != nil && (rule.DropAfter || rule.Truncate > 0) {
		rr := httptest.NewRecorder()
		s.next.ServeHTTP(rr, r)
		if rule.Truncate > 0 && rule.Truncate < rr.Body.Len() {
			for k, v := range rr.Header() {
				w.Header()[k] = v
			}
			w.Header().Set("Content-Length", strconv.Itoa(rr.Body.Len()))
			rec.WriteHeader(rr.Code)
			_, _ = rec.Write(rr.Body.Bytes()[:rule.Truncate])
			w.(http.Flusher).Flush()
		}
		panic(http.ErrAbortHandler) // net/http closes the connection without logging
	}
	s.next.ServeHTTP(rec, r)
}

type countWriter struct {
	http.ResponseWriter
	n, status int
	hook      string // our type name, when the request was redirected
	kind      string // the type the client used
}

func (c *countWriter) WriteHeader(code int) { c.status = code; c.ResponseWriter.WriteHeader(code) }
func (c *countWriter) Write(b []byte) (int, error) {
	n := len(b)
	if c.hook != "" { // e.g. NotAuthenticated.object names _this: do not let "HookVM" out
		b = bytes.Replace(b, []byte(`"`+c.hook+`"`), []byte(`"`+c.kind+`"`), -1)
	}
	c.n += len(b)
	_, err := c.ResponseWriter.Write(b)
	return n, err
}

type soapFaultXML struct {
	XMLName xml.Name `xml:"soapenv:Fault"`
	Code    string   `xml:"faultcode"`
	String  string   `xml:"faultstring"`
	Detail  struct {
		Fault faultXML
	} `xml:"detail"`
}

type faultXML struct{ f types.BaseMethodFault }

func (d faultXML) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	kind := reflect.TypeOf(d.f).Elem().Name()
	start.Name.Local = kind + "Fault"
	start.Attr = append(start.Attr, xml.Attr{Name: xml.Name{Local: "xmlns"}, Value: "urn:vim25"},
		xml.Attr{Name: xml.Name{Local: "xsi:type"}, Value: kind})
	return e.EncodeElement(d.f, start)
}

func writeFault(w http.ResponseWriter, msg string, f types.BaseMethodFault) {
	x := soapFaultXML{Code: "ServerFaultCode", String: msg}
	x.Detail.Fault = faultXML{f}
	var out bytes.Buffer
	out.WriteString(xml.Header)
	err := xml.NewEncoder(&out).Encode(struct {
		XMLName xml.Name                     `xml:"soapenv:Envelope"`
		Env     string                       `xml:"xmlns:soapenv,attr"`
		XSD     string                       `xml:"xmlns:xsd,attr"`
		XSI     string                       `xml:"xmlns:xsi,attr"`
		Body    struct{ Fault soapFaultXML } `xml:"soapenv:Body"`
	}{Env: "http://schemas.xmlsoap.org/soap/envelope/", XSD: "http://www.w3.org/2001/XMLSchema",
		XSI: "http://www.w3.org/2001/XMLSchema-instance", Body: struct{ Fault soapFaultXML }{x}})
	if err != nil {
		log.Print(err)
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write(out.Bytes())
}
