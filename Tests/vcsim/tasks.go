package main

import (
	"fmt"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// hook is the base of our handler objects. Its first field must come from package mo (the
// simulator digs for one when it walks its registry) and must not be a managed entity. The
// no-op Lock/Unlock opt it out of the simulator's per-object lock.
type hook struct {
	mo.ExtensibleManagedObject
}

func (*hook) Lock()   {}
func (*hook) Unlock() {}

type hookVM struct {
	hook
	s    *sim
	real types.ManagedObjectReference
}
type hookSnapshot struct {
	hook
	s    *sim
	real types.ManagedObjectReference
}
type hookTask struct {
	hook
	s    *sim
	real types.ManagedObjectReference
}
type hookPC struct {
	hook
	s    *sim
	real types.ManagedObjectReference

	mu    sync.Mutex
	pages map[string]pageState
	seq   int
}

func (s *sim) put(kind string, ref, real types.ManagedObjectReference) {
	var o mo.Reference
	switch kind {
	case "HookVM":
		h := &hookVM{s: s, real: real}
		h.Self, o = ref, h
	case "HookSnapshot":
		h := &hookSnapshot{s: s, real: real}
		h.Self, o = ref, h
	case "HookTask":
		h := &hookTask{s: s, real: real}
		h.Self, o = ref, h
	case "HookPC":
		h := &hookPC{s: s, real: real, pages: map[string]pageState{}}
		h.Self, o = ref, h
	}
	simulator.Map.Put(o)
}

// runTask returns at once with a task that goes queued -> running -> success/error on its own.
func (s *sim) runTask(vm types.ManagedObjectReference, name string, rule *Rule, work func() (types.AnyType, types.BaseMethodFault)) types.ManagedObjectReference {
	if rule == nil {
		rule = &Rule{}
	}
	task := simulator.CreateTask(vm, name+"Task", nil) // info.name = "CreateSnapshot_Task", as the real thing
	if v, ok := simulator.Map.Get(vm).(*simulator.VirtualMachine); ok {
		task.Info.EntityName = v.Name
	}
	s.listTask(vm, task.Self)
	s.mu.Lock()
	busy := s.busyCheck && s.busyVM[vm.Value] > 0
	if !busy {
		s.busyVM[vm.Value]++
	}
	s.running++
	if s.running > s.maxRun {
		s.maxRun = s.running
	}
	s.mu.Unlock()

	update := func(ch ...types.PropertyChange) {
		simulator.Map.WithLock(task, func() {
			if task.Info.State != types.TaskInfoStateError && task.Info.State != types.TaskInfoStateSuccess {
				simulator.Map.Update(task, ch)
			}
		})
	}
	delay := s.taskDelay
	if rule.TaskDelayMs != nil {
		delay = time.Duration(*rule.TaskDelayMs) * time.Millisecond
	}
	go func() {
		var res types.AnyType
		var fault types.BaseMethodFault
		defer func() {
			if p := recover(); p != nil { // a simulator panic must fail the task, not the process
				fmt.Fprintln(os.Stderr, "panic in task:", p)
				fault = &types.SystemError{Reason: fmt.Sprint(p)}
			}
			state, msg := types.TaskInfoStateSuccess, rule.Message
			var ferr types.AnyType
			if fault != nil {
				state = types.TaskInfoStateError
				if msg == "" {
					msg = reflect.TypeOf(fault).Elem().Name()
				}
				ferr = types.LocalizedMethodFault{Fault: fault, LocalizedMessage: msg}
			}
			s.mu.Lock()
			if !busy {
				s.busyVM[vm.Value]--
			}
			s.running--
			s.mu.Unlock()
			update(types.PropertyChange{Name: "info.completeTime", Val: time.Now()},
				types.PropertyChange{Name: "info.result", Val: res},
				types.PropertyChange{Name: "info.error", Val: ferr},
				types.PropertyChange{Name: "info.state", Val: state})
		}()
		if busy {
			fault = &types.TaskInProgress{Task: task.Self}
			return
		}
		if rule.QueuedMs > 0 {
			time.Sleep(time.Duration(rule.QueuedMs) * time.Millisecond)
		}
		update(types.PropertyChange{Name: "info.startTime", Val: time.Now()},
			types.PropertyChange{Name: "info.state", Val: types.TaskInfoStateRunning})
		for rule.Stuck { // until CancelTask
			time.Sleep(20 * time.Millisecond)
			simulator.Map.WithLock(task, func() { rule = &Rule{Stuck: task.Info.State == types.TaskInfoStateRunning} })
			if !rule.Stuck {
				return
			}
		}
		if rule.Question != "" {
			s.ask(vm, rule.Question)
		}
		if delay > 0 {
			for i := int32(1); i <= 4; i++ {
				time.Sleep(delay / 4)
				if s.progress { // each update costs every WaitForUpdatesEx filter a full re-collect in 0.24.2
					update(types.PropertyChange{Name: "info.progress", Val: i * 25})
				}
			}
		}
		if rule.TaskFault != "" && !rule.FaultAfter {
			fault, _ = newFault(rule.TaskFault, rule.FaultFields, vm)
			return
		}
		cancelled := false
		simulator.Map.WithLock(task, func() { cancelled = task.Info.State == types.TaskInfoStateError })
		if cancelled {
			return
		}
		res, fault = work()
		if rule.TaskFault != "" {
			res = nil
			fault, _ = newFault(rule.TaskFault, rule.FaultFields, vm)
		}
	}()
	return task.Self
}

// ask has a VM wait for an answer.
func (s *sim) ask(ref types.ManagedObjectReference, question string) {
	vm, ok := simulator.Map.Get(ref).(*simulator.VirtualMachine)
	if !ok {
		return
	}
	simulator.Map.WithLock(vm, func() {
		simulator.Map.Update(vm, []types.PropertyChange{{Name: "runtime.question", Val: &types.VirtualMachineQuestionInfo{
			Id: "1", Text: question, Choice: types.ChoiceOption{ChoiceInfo: []types.BaseElementDescription{}},
		}}})
	})
	for waits := true; waits; {
		time.Sleep(20 * time.Millisecond)
		simulator.Map.WithLock(vm, func() { waits = vm.Runtime.Question != nil })
	}
}

// listTask adds a task to those that the VM lists, as a real server does; 0.24.2 keeps but the server's own list.
func (s *sim) listTask(vm, task types.ManagedObjectReference) {
	v, ok := simulator.Map.Get(vm).(*simulator.VirtualMachine)
	if !ok {
		return
	}
	simulator.Map.WithLock(v, func() {
		recent := append(append([]types.ManagedObjectReference{}, v.RecentTask...), task)
		if len(recent) > 10 {
			recent = recent[len(recent)-10:]
		}
		simulator.Map.Update(v, []types.PropertyChange{{Name: "recentTask", Val: recent}})
	})
}

// inner runs one of the simulator's own (synchronous) task methods with the object locked and
// takes its outcome; the simulator's own Task object is dropped.
func inner(lock mo.Reference, f func() soap.HasFault) (types.AnyType, types.BaseMethodFault) {
	var body soap.HasFault
	run := func() { body = f() }
	if lock != nil {
		simulator.Map.WithLock(lock, run)
	} else {
		run()
	}
	if body.Fault() != nil {
		if f, ok := body.Fault().Detail.Fault.(types.BaseMethodFault); ok {
			return nil, f
		}
		return nil, &types.SystemError{Reason: body.Fault().String}
	}
	ref := reflect.ValueOf(body).Elem().FieldByName("Res").Elem().FieldByName("Returnval").Interface().(types.ManagedObjectReference)
	t := simulator.Map.Get(ref).(*simulator.Task)
	simulator.Map.Remove(ref)
	if t.Info.Error != nil {
		return nil, t.Info.Error.Fault
	}
	return t.Info.Result, nil
}
