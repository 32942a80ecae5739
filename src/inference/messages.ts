/** An image as the API hands it over: its bytes, or a path that has been checked. */
export type InferenceImage =
  | { readonly name: string; readonly bytes: Uint8Array }
  | { readonly name: string; readonly path: string };

export type InferenceTask = {
  readonly modelDir: string;
  readonly images: readonly InferenceImage[];
  /** Adds the embedding of the mirrored image before the length is set to 1. */
  readonly flipTest: boolean;
  /** Searches this gallery for the `count` best identities of each image. */
  readonly search?: { readonly galleryDir: string; readonly count: number };
};

/** An identity of a gallery and the cosine of its best image. */
export type Match = { readonly identity: string; readonly cosine: number };

export type InferenceAnswer = {
  /** Unit embeddings, [images, size] row by row. */
  readonly embeddings: Float32Array;
  readonly size: number;
  /** Of each image, best first; only with `search`. */
  readonly matches: readonly (readonly Match[])[] | null;
};

export type InferenceFailure = {
  readonly code: string;
  readonly fault: 'user' | 'data' | 'infrastructure';
  readonly message: string;
};

/** API → inference process */
export type ToInference =
  | { readonly type: 'task'; readonly id: number; readonly task: InferenceTask }
  | { readonly type: 'cancel'; readonly id: number }
  /** A gallery has lost somebody: what is held of it in memory goes too. */
  | { readonly type: 'forget'; readonly galleryDir: string };

/** Inference process → API */
export type FromInference =
  | { readonly type: 'answer'; readonly id: number; readonly answer: InferenceAnswer }
  | { readonly type: 'failed'; readonly id: number; readonly failure: InferenceFailure };

export type InferenceOptions = {
  /** Processes that compute. */
  readonly processes: number;
  /** Threads of each; 0 shares out the machine's. */
  readonly threads: number;
  /** Requests that may wait or be computed; one more is refused. */
  readonly queueLimit: number;
  /** Models that each process keeps in memory. */
  readonly modelsKept: number;
};
