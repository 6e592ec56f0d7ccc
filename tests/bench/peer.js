// tests/bench/peer.js WHAT N: the work of work.lua by Node's worker threads; prints one number.
const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
const now = () => Number(process.hrtime.bigint()) / 1e9;

const work = {
  // millions of integers a second: a worker posts, main receives
  integers(n, worker) {
    let got = 0, start;
    worker.on("message", () => {
      if (got++ === 0) start = now();
      else if (got === n) finish(n / (now() - start) / 1e6, worker);
    });
  },
  // microseconds there and back
  roundtrip(n, worker) {
    let left = n, start;
    worker.on("message", () => {
      if (left === n) start = now();
      if (left-- === 0) return finish((now() - start) / n * 1e6, worker);
      worker.postMessage(0);
    });
    worker.postMessage(0);
  },
};

function finish(figure, worker) {
  console.log(figure.toPrecision(6));
  worker.terminate();
}

if (isMainThread) {
  const [what, n] = [process.argv[2], Number(process.argv[3])];
  work[what](n, new Worker(__filename, { workerData: { what, n } }));
} else if (workerData.what === "integers") {
  for (let i = 0; i < workerData.n; i++) parentPort.postMessage(i);
} else {
  parentPort.on("message", (x) => parentPort.postMessage(x));
}
