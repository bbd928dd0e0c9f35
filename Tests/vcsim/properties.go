package main

import (
	"reflect"
	"strconv"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

type pageState struct {
	rest []types.ObjectContent
	max  int
}

func (h *hookPC) pc(ctx *simulator.Context) *simulator.PropertyCollector {
	var o mo.Reference
	if ctx.Session != nil {
		o = ctx.Session.Get(h.real)
	} else {
		o = simulator.Map.Get(h.real)
	}
	switch pc := o.(type) {
	case *simulator.PropertyCollector:
		return pc
	case *fetchPC:
		return &pc.PropertyCollector
	}
	return nil
}

// fetchPC replaces the PropertyCollector singleton: 0.24.2's Fetch (the undocumented call
// pyVmomi reads single properties with) panics on an unset property such as vm.snapshot.
// The simulator makes one per session with reflect.New, so it carries no fields of ours.
type fetchPC struct {
	simulator.PropertyCollector
}

// FetchResponse has this name because the simulator names the answer's element after the type.
type FetchResponse struct {
	Returnval types.AnyType `xml:"returnval,omitempty,typeattr"`
}

type fetchBody struct {
	Res    *FetchResponse
	Fault_ *soap.Fault
}

func (b *fetchBody) Fault() *soap.Fault { return b.Fault_ }

// Fetch takes interface{} because the request's type, *internal.Fetch, cannot be imported.
func (pc *fetchPC) Fetch(ctx *simulator.Context, req interface{}) soap.HasFault {
	v := reflect.ValueOf(req).Elem()
	this, prop := v.FieldByName("This").Interface().(types.ManagedObjectReference), v.FieldByName("Prop").String()
	if this.Type == "ServiceInstance" && prop == "content" {
		c := simulator.Map.Get(this).(*simulator.ServiceInstance).Content
		return &fetchBody{Res: &FetchResponse{c}}
	}
	if ctx.Session == nil && this.Type != "ServiceInstance" {
		return &fetchBody{Fault_: simulator.Fault("", &types.NotAuthenticated{
			NoPermission: types.NoPermission{Object: this, PrivilegeId: "System.View"}})}
	}
	res := pc.RetrievePropertiesEx(ctx, &types.RetrievePropertiesEx{SpecSet: []types.PropertyFilterSpec{{
		PropSet:   []types.PropertySpec{{Type: this.Type, PathSet: []string{prop}}},
		ObjectSet: []types.ObjectSpec{{Obj: this}},
	}}})
	if res.Fault() != nil {
		return &fetchBody{Fault_: res.Fault()}
	}
	body := &fetchBody{Res: new(FetchResponse)}
	for _, o := range res.(*methods.RetrievePropertiesExBody).Res.Returnval.Objects {
		for _, p := range o.PropSet {
			body.Res.Returnval = p.Val
		}
		for _, m := range o.MissingSet {
			f, _ := m.Fault.Fault.(types.BaseMethodFault)
			return &fetchBody{Fault_: simulator.Fault(m.Fault.LocalizedMessage, f)}
		}
	}
	return body
}

// page cuts objects to max and keeps the rest under a token.
func (h *hookPC) cut(objs []types.ObjectContent, max int) ([]types.ObjectContent, string) {
	if h.s.page > 0 && (max <= 0 || max > h.s.page) {
		max = h.s.page
	}
	if max <= 0 || len(objs) <= max {
		return objs, ""
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	token := strconv.Itoa(h.seq)
	h.pages[token] = pageState{objs[max:], max}
	return objs[:max], token
}

func (h *hookPC) RetrievePropertiesEx(ctx *simulator.Context, req *types.RetrievePropertiesEx) soap.HasFault {
	pc := h.pc(ctx)
	if pc == nil {
		return &methods.RetrievePropertiesExBody{Fault_: simulator.Fault("", &types.ManagedObjectNotFound{Obj: h.real})}
	}
	r := *req
	r.This = h.real
	res := pc.RetrievePropertiesEx(ctx, &r)
	if b, ok := res.(*methods.RetrievePropertiesExBody); ok && b.Res != nil && b.Res.Returnval != nil {
		b.Res.Returnval.Objects, b.Res.Returnval.Token = h.cut(b.Res.Returnval.Objects, int(r.Options.MaxObjects))
	}
	return res
}

func (h *hookPC) ContinueRetrievePropertiesEx(ctx *simulator.Context, req *types.ContinueRetrievePropertiesEx) soap.HasFault {
	h.mu.Lock()
	p, ok := h.pages[req.Token]
	delete(h.pages, req.Token)
	h.mu.Unlock()
	if !ok {
		return &methods.ContinueRetrievePropertiesExBody{Fault_: simulator.Fault("", &types.InvalidArgument{InvalidProperty: "token"})}
	}
	body := &methods.ContinueRetrievePropertiesExBody{Res: new(types.ContinueRetrievePropertiesExResponse)}
	body.Res.Returnval.Objects, body.Res.Returnval.Token = h.cut(p.rest, p.max)
	return body
}

func (h *hookPC) CancelRetrievePropertiesEx(ctx *simulator.Context, req *types.CancelRetrievePropertiesEx) soap.HasFault {
	h.mu.Lock()
	delete(h.pages, req.Token)
	h.mu.Unlock()
	return &methods.CancelRetrievePropertiesExBody{Res: new(types.CancelRetrievePropertiesExResponse)}
}
