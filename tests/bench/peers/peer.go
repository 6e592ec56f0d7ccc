// tests/bench/peers/peer.go WHAT N: the work of peers.lua in Go, with goroutines and channels; see there.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

func crossed() {
	a, b := make(chan int), make(chan int)
	go func() { <-a; b <- 1 }()
	go func() { <-b; a <- 1 }()
}

func main() {
	n, _ := strconv.Atoi(os.Args[2])
	start := time.Now()
	switch os.Args[1] {
	case "all":
		crossed()
		<-make(chan int)
	case "some":
		go func() {
			for {
				time.Sleep(50 * time.Millisecond)
			}
		}()
		crossed()
		<-make(chan int)
	case "race": // each step is locked, the two together are not
		var lock sync.Mutex
		var ended sync.WaitGroup
		balance := 100
		get := func() int { lock.Lock(); defer lock.Unlock(); return balance }
		add := func(n int) { lock.Lock(); defer lock.Unlock(); balance += n }
		spend := func(n int) {
			defer ended.Done()
			if get() >= n {
				add(-n)
			}
		}
		ended.Add(2)
		go spend(80)
		go spend(80)
		ended.Wait()
		if get() < 0 {
			fmt.Println("overdrawn")
			os.Exit(1)
		}
	case "spawn":
		for i := 0; i < n; i++ {
			done := make(chan bool)
			go func() { done <- true }()
			<-done
		}
		fmt.Println(time.Since(start).Seconds() / float64(n) * 1e6)
	case "integers":
		q, done := make(chan int, 1024), make(chan bool)
		go func() {
			for i := 0; i < n; i++ {
				<-q
			}
			done <- true
		}()
		for i := 0; i < n; i++ {
			q <- i
		}
		<-done
		fmt.Println(float64(n) / time.Since(start).Seconds() / 1e6)
	case "roundtrip":
		there, back := make(chan int), make(chan int)
		go func() {
			for v := range there {
				back <- v
			}
		}()
		for i := 0; i < n; i++ {
			there <- i
			<-back
		}
		fmt.Println(time.Since(start).Seconds() / float64(n) * 1e6)
	}
}
