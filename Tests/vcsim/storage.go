package main

import (
	"fmt"
	"regexp"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// A VM's snapshots are files beside its disks. When the storage is rolled back, they are again those of the
// storage snapshot; the server learns of it when the VM is reloaded, and gives them new references.

// storedVM is what a storage snapshot holds of one VM.
type storedVM struct {
	roots   []types.VirtualMachineSnapshotTree
	current *types.ManagedObjectReference
	configs map[types.ManagedObjectReference]types.VirtualMachineConfigInfo
	// Its .vmx names a file with its RAM.
	suspended bool
}

type storage struct {
	saved  map[string]map[types.ManagedObjectReference]storedVM // by storage snapshot and VM
	onDisk map[types.ManagedObjectReference]storedVM            // rolled back, not yet reloaded
	seq    int
}

// saveStorage takes a storage snapshot of all VMs.
func (s *sim) saveStorage(name string) {
	all := map[types.ManagedObjectReference]storedVM{}
	for _, e := range simulator.Map.All("VirtualMachine") {
		vm := e.(*simulator.VirtualMachine)
		simulator.Map.WithLock(vm, func() {
			v := storedVM{configs: map[types.ManagedObjectReference]types.VirtualMachineConfigInfo{},
				suspended: vm.Runtime.PowerState == types.VirtualMachinePowerStateSuspended}
			if vm.Snapshot != nil {
				v.current = vm.Snapshot.CurrentSnapshot
				v.roots = copyTree(vm.Snapshot.RootSnapshotList, func(r types.ManagedObjectReference) types.ManagedObjectReference {
					if o, ok := simulator.Map.Get(r).(*simulator.VirtualMachineSnapshot); ok {
						v.configs[r] = o.Config
					}
					return r
				})
			}
			all[vm.Self] = v
		})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.storage.saved[name] = all
}

// rollBackStorage puts the files of the VMs that match back.
func (s *sim) rollBackStorage(name, vms string) error {
	pattern, err := regexp.Compile(vms)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all, ok := s.storage.saved[name]
	if !ok {
		return fmt.Errorf("no storage snapshot %q", name)
	}
	for ref, v := range all {
		if _, name := vmOf(ref); pattern.MatchString(name) {
			s.storage.onDisk[ref] = v
		}
	}
	return nil
}

func copyTree(t []types.VirtualMachineSnapshotTree, ref func(types.ManagedObjectReference) types.ManagedObjectReference) (r []types.VirtualMachineSnapshotTree) {
	for _, x := range t {
		x.Snapshot = ref(x.Snapshot)
		x.ChildSnapshotList = copyTree(x.ChildSnapshotList, ref)
		r = append(r, x)
	}
	return
}

// Reload reads the VM's files again. It is not in 0.24.2.
func (h *hookVM) Reload(ctx *simulator.Context, req *types.Reload) soap.HasFault {
	vm := h.vm()
	h.s.mu.Lock()
	v, ok := h.s.storage.onDisk[vm.Self]
	delete(h.s.storage.onDisk, vm.Self)
	h.s.mu.Unlock()
	if ok {
		simulator.Map.WithLock(vm, func() { h.s.restore(vm, v) })
	}
	return &methods.ReloadBody{Res: new(types.ReloadResponse)}
}

func (s *sim) restore(vm *simulator.VirtualMachine, v storedVM) {
	if vm.Snapshot != nil {
		copyTree(vm.Snapshot.RootSnapshotList, func(r types.ManagedObjectReference) types.ManagedObjectReference {
			simulator.Map.Remove(r)
			simulator.Map.Remove(types.ManagedObjectReference{Type: "HookSnapshot", Value: r.Value})
			return r
		})
	}
	var info *types.VirtualMachineSnapshotInfo
	if len(v.roots) != 0 {
		info = &types.VirtualMachineSnapshotInfo{}
		info.RootSnapshotList = copyTree(v.roots, func(old types.ManagedObjectReference) types.ManagedObjectReference {
			s.mu.Lock()
			s.storage.seq++
			n := s.storage.seq
			s.mu.Unlock()
			o := &simulator.VirtualMachineSnapshot{VirtualMachineSnapshot: mo.VirtualMachineSnapshot{}}
			o.Self = types.ManagedObjectReference{Type: "VirtualMachineSnapshot", Value: fmt.Sprintf("snapshot-reloaded-%d", n)}
			o.Vm, o.Config = vm.Self, v.configs[old]
			simulator.Map.Put(o)
			if v.current != nil && *v.current == old {
				info.CurrentSnapshot = &o.Self
			}
			return o.Self
		})
	}
	vm.Snapshot = info
	var val types.AnyType
	if info != nil {
		val = info
	}
	changes := []types.PropertyChange{{Name: "snapshot", Val: val}}
	if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		power := types.VirtualMachinePowerStatePoweredOff
		if v.suspended {
			power = types.VirtualMachinePowerStateSuspended
		}
		changes = append(changes, types.PropertyChange{Name: "runtime.powerState", Val: power},
			types.PropertyChange{Name: "summary.runtime.powerState", Val: power})
	}
	simulator.Map.Update(vm, changes)
	roots(vm)
}
