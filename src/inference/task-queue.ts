import type { InferenceTask } from './messages.js';

/** Images that are computed together at most; a task with more has a batch of its own. */
const MOST_IMAGES = 64;

export type QueuedTask = { readonly id: number; readonly task: InferenceTask };

/** Tasks in the order in which they came. */
export class TaskQueue {
  private tasks: QueuedTask[] = [];

  add(id: number, task: InferenceTask): void {
    this.tasks.push({ id, task });
  }

  remove(id: number): void {
    this.tasks = this.tasks.filter((queued) => queued.id !== id);
  }

  /**
   * Takes the oldest task and those after it that want the same of the same model, up to 64 images. The oldest always
   * goes, so that no model waits for ever.
   */
  take(): QueuedTask[] {
    const [first] = this.tasks;
    if (first === undefined) return [];
    const batch = [first];
    let images = first.task.images.length;
    for (const queued of this.tasks.slice(1)) {
      const { modelDir, flipTest } = queued.task;
      if (modelDir !== first.task.modelDir || flipTest !== first.task.flipTest) continue;
      if (images + queued.task.images.length > MOST_IMAGES) break;
      batch.push(queued);
      images += queued.task.images.length;
    }
    this.tasks = this.tasks.filter((queued) => !batch.includes(queued));
    return batch;
  }
}
