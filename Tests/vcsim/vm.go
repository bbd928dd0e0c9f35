package main

import (
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// roots keeps vm.rootSnapshot in step (0.24.2 does not).
func roots(vm *simulator.VirtualMachine) {
	var refs []types.ManagedObjectReference
	if vm.Snapshot != nil {
		for _, t := range vm.Snapshot.RootSnapshotList {
			refs = append(refs, t.Snapshot)
		}
	}
	simulator.Map.Update(vm, []types.PropertyChange{{Name: "rootSnapshot", Val: refs}})
}

func findInTree(tree []types.VirtualMachineSnapshotTree, ref types.ManagedObjectReference) *types.VirtualMachineSnapshotTree {
	for i := range tree {
		if tree[i].Snapshot == ref {
			return &tree[i]
		}
		if t := findInTree(tree[i].ChildSnapshotList, ref); t != nil {
			return t
		}
	}
	return nil
}

func (h *hookVM) vm() *simulator.VirtualMachine {
	return simulator.Map.Get(h.real).(*simulator.VirtualMachine)
}

func (h *hookVM) create(ctx *simulator.Context, req types.CreateSnapshot_Task) types.ManagedObjectReference {
	rule := ruleOf(ctx)
	vm := h.vm()
	req.This = vm.Self
	return h.s.runTask(vm.Self, "createSnapshot", rule, func() (types.AnyType, types.BaseMethodFault) {
		res, fault := inner(vm, func() soap.HasFault { return vm.CreateSnapshotTask(&req) })
		if fault == nil {
			simulator.Map.WithLock(vm, func() {
				t := findInTree(vm.Snapshot.RootSnapshotList, res.(types.ManagedObjectReference))
				if rule != nil && rule.NotQuiesced || vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn ||
					vm.Guest != nil && vm.Guest.ToolsRunningStatus == string(types.VirtualMachineToolsRunningStatusGuestToolsNotRunning) {
					t.Quiesced = false
				}
				if !req.Memory { // what it is reverted to
					t.State = types.VirtualMachinePowerStatePoweredOff
				}
				roots(vm)
			})
		}
		return res, fault
	})
}

func (h *hookVM) CreateSnapshotTask(ctx *simulator.Context, req *types.CreateSnapshot_Task) soap.HasFault {
	return &methods.CreateSnapshot_TaskBody{Res: &types.CreateSnapshot_TaskResponse{Returnval: h.create(ctx, *req)}}
}

func (h *hookVM) CreateSnapshotExTask(ctx *simulator.Context, req *types.CreateSnapshotEx_Task) soap.HasFault {
	return &methods.CreateSnapshotEx_TaskBody{Res: &types.CreateSnapshotEx_TaskResponse{
		Returnval: h.create(ctx, types.CreateSnapshot_Task{
			Name: req.Name, Description: req.Description, Memory: req.Memory, Quiesce: req.QuiesceSpec != nil,
		})}}
}

func (h *hookVM) ConsolidateVMDisksTask(ctx *simulator.Context, req *types.ConsolidateVMDisks_Task) soap.HasFault {
	vm := h.vm()
	return &methods.ConsolidateVMDisks_TaskBody{Res: &types.ConsolidateVMDisks_TaskResponse{
		Returnval: h.s.runTask(vm.Self, "consolidateVMDisks", ruleOf(ctx), func() (types.AnyType, types.BaseMethodFault) {
			simulator.Map.WithLock(vm, func() {
				simulator.Map.Update(vm, []types.PropertyChange{
					{Name: "runtime.consolidationNeeded", Val: false}, {Name: "summary.runtime.consolidationNeeded", Val: false}})
			})
			return nil, nil
		})}}
}

func (h *hookVM) RemoveAllSnapshotsTask(ctx *simulator.Context, req *types.RemoveAllSnapshots_Task) soap.HasFault {
	vm := h.vm()
	return &methods.RemoveAllSnapshots_TaskBody{Res: &types.RemoveAllSnapshots_TaskResponse{
		Returnval: h.s.runTask(vm.Self, "removeAllSnapshots", ruleOf(ctx), func() (types.AnyType, types.BaseMethodFault) {
			res, f := inner(vm, func() soap.HasFault {
				return vm.RemoveAllSnapshotsTask(ctx, &types.RemoveAllSnapshots_Task{This: vm.Self})
			})
			simulator.Map.WithLock(vm, func() { roots(vm) })
			return res, f
		})}}
}

func (h *hookVM) PowerOffVMTask(ctx *simulator.Context, req *types.PowerOffVM_Task) soap.HasFault {
	vm := h.vm()
	return &methods.PowerOffVM_TaskBody{Res: &types.PowerOffVM_TaskResponse{
		Returnval: h.s.runTask(vm.Self, "powerOff", ruleOf(ctx), func() (types.AnyType, types.BaseMethodFault) {
			return inner(vm, func() soap.HasFault { return vm.PowerOffVMTask(ctx, &types.PowerOffVM_Task{This: vm.Self}) })
		})}}
}

func (h *hookVM) PowerOnVMTask(ctx *simulator.Context, req *types.PowerOnVM_Task) soap.HasFault {
	vm := h.vm()
	return &methods.PowerOnVM_TaskBody{Res: &types.PowerOnVM_TaskResponse{
		Returnval: h.s.runTask(vm.Self, "powerOn", ruleOf(ctx), func() (types.AnyType, types.BaseMethodFault) {
			res, f := inner(vm, func() soap.HasFault { return vm.PowerOnVMTask(ctx, &types.PowerOnVM_Task{This: vm.Self}) })
			if f == nil {
				h.guest("running", true)
			}
			return res, f
		})}}
}

func (h *hookVM) SuspendVMTask(ctx *simulator.Context, req *types.SuspendVM_Task) soap.HasFault {
	vm := h.vm()
	return &methods.SuspendVM_TaskBody{Res: &types.SuspendVM_TaskResponse{
		Returnval: h.s.runTask(vm.Self, "suspend", ruleOf(ctx), func() (types.AnyType, types.BaseMethodFault) {
			if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn { // 0.24.2 suspends one that is off
				return nil, &types.InvalidPowerState{
					RequestedState: types.VirtualMachinePowerStateSuspended, ExistingState: vm.Runtime.PowerState}
			}
			return inner(vm, func() soap.HasFault { return vm.SuspendVMTask(ctx, &types.SuspendVM_Task{This: vm.Self}) })
		})}}
}

// guest says what the guest of a VM is doing, and so whether its tools run; of tools that never ran it says nothing.
func (h *hookVM) guest(state string, tools bool) {
	vm := h.vm()
	simulator.Map.WithLock(vm, func() {
		h.s.mu.Lock()
		defer h.s.mu.Unlock()
		changes := []types.PropertyChange{{Name: "guest.guestState", Val: state}}
		running := string(types.VirtualMachineToolsRunningStatusGuestToolsRunning)
		if !tools && vm.Guest != nil && vm.Guest.ToolsRunningStatus == running {
			h.s.toolsDown[vm.Self.Value] = true
			running = string(types.VirtualMachineToolsRunningStatusGuestToolsNotRunning)
			changes = append(changes, types.PropertyChange{Name: "guest.toolsRunningStatus", Val: running})
		} else if tools && h.s.toolsDown[vm.Self.Value] {
			delete(h.s.toolsDown, vm.Self.Value)
			changes = append(changes, types.PropertyChange{Name: "guest.toolsRunningStatus", Val: running})
		}
		simulator.Map.Update(vm, changes)
	})
}

// ShutdownGuest answers at once; the power state changes after the task delay, as in real life.
func (h *hookVM) ShutdownGuest(ctx *simulator.Context, req *types.ShutdownGuest) soap.HasFault {
	vm := h.vm()
	rule := ruleOf(ctx)
	if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		var res soap.HasFault
		simulator.Map.WithLock(vm, func() { res = vm.ShutdownGuest(ctx, &types.ShutdownGuest{This: vm.Self}) })
		return res
	}
	if vm.Guest == nil || vm.Guest.ToolsRunningStatus != string(types.VirtualMachineToolsRunningStatusGuestToolsRunning) {
		return &methods.ShutdownGuestBody{Fault_: simulator.Fault("VMware Tools are not running", &types.ToolsUnavailable{})}
	}
	d := h.s.taskDelay
	if rule != nil && rule.TaskDelayMs != nil {
		d = time.Duration(*rule.TaskDelayMs) * time.Millisecond
	}
	if rule == nil || !rule.Stuck { // stuck: the guest ignores the request
		h.guest("shuttingDown", true)
		go func() {
			time.Sleep(d)
			simulator.Map.WithLock(vm, func() { _ = vm.ShutdownGuest(ctx, &types.ShutdownGuest{This: vm.Self}) })
			h.guest("notRunning", false)
		}()
	}
	return &methods.ShutdownGuestBody{Res: new(types.ShutdownGuestResponse)}
}
