package main

import (
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

func (h *hookSnapshot) RemoveSnapshotTask(ctx *simulator.Context, req *types.RemoveSnapshot_Task) soap.HasFault {
	snap, ok := simulator.Map.Get(h.real).(*simulator.VirtualMachineSnapshot)
	if !ok {
		return &methods.RemoveSnapshot_TaskBody{Fault_: simulator.Fault("The object has already been deleted or has not been completely created",
			&types.ManagedObjectNotFound{Obj: h.real})}
	}
	rule := ruleOf(ctx)
	vm := simulator.Map.Get(snap.Vm).(*simulator.VirtualMachine)
	r := *req
	r.This = h.real
	return &methods.RemoveSnapshot_TaskBody{Res: &types.RemoveSnapshot_TaskResponse{
		Returnval: h.s.runTask(snap.Vm, "removeSnapshot", rule, func() (types.AnyType, types.BaseMethodFault) {
			// RemoveSnapshotTask locks the VM itself. Its RefreshStorageInfo takes the wrong path
			// when ctx is nil-sessioned, so the request's ctx is passed on.
			res, f := inner(nil, func() soap.HasFault { return snap.RemoveSnapshotTask(ctx, &r) })
			simulator.Map.Remove(h.Self)
			simulator.Map.WithLock(vm, func() {
				roots(vm)
				if rule != nil && rule.Consolidate {
					simulator.Map.Update(vm, []types.PropertyChange{
						{Name: "runtime.consolidationNeeded", Val: true}, {Name: "summary.runtime.consolidationNeeded", Val: true}})
				}
			})
			return res, f
		})}}
}

// RevertToSnapshotTask leaves a VM running where the snapshot holds its memory, and else off; 0.24.2 leaves it as it is.
func (h *hookSnapshot) RevertToSnapshotTask(ctx *simulator.Context, req *types.RevertToSnapshot_Task) soap.HasFault {
	snap, ok := simulator.Map.Get(h.real).(*simulator.VirtualMachineSnapshot)
	if !ok {
		return &methods.RevertToSnapshot_TaskBody{Fault_: simulator.Fault("The object has already been deleted or has not been completely created",
			&types.ManagedObjectNotFound{Obj: h.real})}
	}
	vm := simulator.Map.Get(snap.Vm).(*simulator.VirtualMachine)
	return &methods.RevertToSnapshot_TaskBody{Res: &types.RevertToSnapshot_TaskResponse{
		Returnval: h.s.runTask(snap.Vm, "revertToSnapshot", ruleOf(ctx), func() (types.AnyType, types.BaseMethodFault) {
			hasMemory := false
			simulator.Map.WithLock(vm, func() {
				if vm.Snapshot != nil {
					t := findInTree(vm.Snapshot.RootSnapshotList, h.real)
					hasMemory = t != nil && t.State == types.VirtualMachinePowerStatePoweredOn
				}
			})
			if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOff {
				_, f := inner(vm, func() soap.HasFault { return vm.PowerOffVMTask(ctx, &types.PowerOffVM_Task{This: vm.Self}) })
				if f != nil {
					return nil, f
				}
			}
			r := *req
			r.This = h.real
			res, f := inner(nil, func() soap.HasFault { return snap.RevertToSnapshotTask(&r) })
			if f == nil && hasMemory {
				_, f = inner(vm, func() soap.HasFault { return vm.PowerOnVMTask(ctx, &types.PowerOnVM_Task{This: vm.Self}) })
			}
			return res, f
		})}}
}

// CancelTask is not in 0.24.2.
func (h *hookTask) CancelTask(ctx *simulator.Context, req *types.CancelTask) soap.HasFault {
	body := &methods.CancelTaskBody{}
	t, ok := simulator.Map.Get(h.real).(*simulator.Task)
	if !ok {
		body.Fault_ = simulator.Fault("", &types.ManagedObjectNotFound{Obj: h.real})
		return body
	}
	simulator.Map.WithLock(t, func() {
		if t.Info.State == types.TaskInfoStateError || t.Info.State == types.TaskInfoStateSuccess {
			body.Fault_ = simulator.Fault("", &types.InvalidState{})
			return
		}
		simulator.Map.Update(t, []types.PropertyChange{
			{Name: "info.cancelled", Val: true},
			{Name: "info.completeTime", Val: time.Now()},
			{Name: "info.error", Val: types.LocalizedMethodFault{Fault: &types.RequestCanceled{}, LocalizedMessage: "The task was canceled by a user."}},
			{Name: "info.state", Val: types.TaskInfoStateError}})
		body.Res = new(types.CancelTaskResponse)
	})
	return body
}
