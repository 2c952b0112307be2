/**
 * A queue to which the content of a job can be given as bytes.
 *
 * BullMQ makes JSON text of the content, and ioredis puts that text together with others, measures it three times and
 * encodes it. Bytes are sent as they are, which saves much of that for large bodies.
 */
import { Job, Queue } from 'bullmq';

/** Stands in the place of a content. */
export class Bytes {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** BullMQ writes every content as JSON first. */
  toJSON(): null {
    return null;
  }
}

class ByteJob extends Job<unknown> {
  override asJSON(): ReturnType<Job['asJSON']> {
    const json = super.asJSON();
    const { data } = this;
    // BullMQ only passes it on to ioredis, which takes both
    return data instanceof Bytes ? { ...json, data: data.bytes as unknown as string } : json;
  }
}

export class ByteQueue<Content> extends Queue<Content | Bytes> {
  protected override get Job(): typeof Job {
    return ByteJob as typeof Job;
  }
}
