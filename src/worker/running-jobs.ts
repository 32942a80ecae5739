/** What can be told to stop. */
export type Stoppable = { cancel(): void; pause(): void };

/** The jobs that this worker runs now, by id, so that a request to stop finds its trainer. */
export class RunningJobs {
  private readonly jobs = new Map<string, Stoppable>();

  get ids(): string[] {
    return [...this.jobs.keys()];
  }

  /** @returns the function that takes the job off the list again */
  add(id: string, job: Stoppable): () => void {
    this.jobs.set(id, job);
    return () => this.jobs.delete(id);
  }

  cancel(id: string): void {
    this.jobs.get(id)?.cancel();
  }

  pause(id: string): void {
    this.jobs.get(id)?.pause();
  }
}
