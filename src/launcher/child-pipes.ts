// The pipes of one child: our end as a stream, the child's end as a descriptor that is ours only until the child has it.

import type { ByteSink, ByteSource } from "../base/byte-stream.ts";
import { closeFd } from "../os/libc.ts";
import { openPipeSink } from "../os/pipe-sink.ts";
import { openPipeSource } from "../os/pipe-source.ts";
import { closePipe, openPipe, type Pipe, setNonBlocking } from "../os/pipe.ts";

export interface InputPipe {
  readonly sink: ByteSink;
  readonly childFd: number;
}

export interface OutputPipe {
  readonly source: ByteSource;
  /** The source's own descriptor; good while the source is open. */
  readonly sourceFd: number;
  readonly childFd: number;
}

/** @throws OsError */
export function openInputPipe(): InputPipe {
  const pipe = openPipe();
  return orClose(pipe, () => {
    setNonBlocking(pipe.writeFd);
    return { sink: openPipeSink(pipe.writeFd), childFd: pipe.readFd };
  });
}

/** @throws OsError */
export function openOutputPipe(): OutputPipe {
  const pipe = openPipe();
  return orClose(pipe, () => {
    setNonBlocking(pipe.readFd);
    const source = openPipeSource(pipe.readFd);
    return { source, sourceFd: pipe.readFd, childFd: pipe.writeFd };
  });
}

export function closeInputPipe(pipe: InputPipe): void {
  pipe.sink.close();
  closeFd(pipe.childFd);
}

export function closeOutputPipe(pipe: OutputPipe): void {
  pipe.source.close();
  closeFd(pipe.childFd);
}

function orClose<Value>(pipe: Pipe, wrap: () => Value): Value {
  try {
    return wrap();
  } catch (error) {
    closePipe(pipe);
    throw error;
  }
}
