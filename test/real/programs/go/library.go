// A Go library for C programs: the Go runtime starts in a constructor, which takes argc, argv and
// envp as its arguments.
package main

/*
#include <stdlib.h>
typedef int callback(int);
static int call(callback *f, int n) { return f(n); }
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
	"unsafe"
)

var started = strings.Join(os.Args, " ")

func init() {
	started += " from " + os.Getenv("GO_TEST")
}

//export go_args
func go_args() *C.char {
	return C.CString(fmt.Sprintf("%d %s", len(os.Args), started))
}

//export go_env
func go_env(name *C.char) *C.char {
	v, ok := os.LookupEnv(C.GoString(name))
	if !ok {
		return nil
	}
	return C.CString(v)
}

// The sum of f(0) to f(n-1), each called from a goroutine of its own.
//
//export go_sum
func go_sum(f *C.callback, n C.int) C.int {
	var wg sync.WaitGroup
	c := make(chan int, 4)
	for i := 0; i < int(n); i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			if i%8 == 0 {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				time.Sleep(time.Millisecond)
			}
			c <- int(C.call(f, C.int(i)))
		}(i)
	}
	go func() { wg.Wait(); close(c) }()
	sum := 0
	for v := range c {
		sum += v
	}
	return C.int(sum)
}

// A fault in Go code: a signal that the runtime turns into a panic.
//
//export go_fault
func go_fault() (text *C.char) {
	defer func() {
		text = C.CString(fmt.Sprint("recovered: ", recover()))
	}()
	var p *[4]int
	p[2] = 1
	return nil
}

//export go_collect
func go_collect(rounds C.int) C.int {
	var keep [][]byte
	for i := 0; i < int(rounds); i++ {
		b := make([]byte, 10000)
		b[0] = byte(i)
		if i%100 == 0 {
			keep = append(keep, b)
		}
	}
	runtime.GC()
	n := 0
	for i, b := range keep {
		if b[0] == byte(i*100) {
			n++
		}
	}
	return C.int(n)
}

//export go_file
func go_file(name *C.char) C.int {
	b, err := os.ReadFile(C.GoString(name))
	if err != nil {
		return -1
	}
	return C.int(len(b))
}

//export go_free
func go_free(p unsafe.Pointer) { C.free(p) }

func main() {}
