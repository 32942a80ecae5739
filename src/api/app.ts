import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyBaseLogger } from 'fastify';
import { ApiKeyStore } from '../jobs/api-key-store.js';
import type { Api, ApiContext } from './api-context.js';
import { mountBullBoard } from './bull-board.js';
import { answerFrameworkError, problemDocuments } from './errors.js';
import { JobView } from './job-view.js';
import { type AuthMode, door } from './keys/door.js';
import { RateLimiter, type RateLimits } from './keys/rate-limits.js';
import { DOCS_PATH, type Openable } from './keys/required-scope.js';
import { acceptForms } from './models/model-images.js';
import { openInference } from './models/run-inference.js';
import { openApiDocument } from './openapi-document.js';
import { ProblemDocument } from './problem.js';
import { apiKeyRoutes } from './routes/api-keys.js';
import { artifactRoutes } from './routes/artifacts.js';
import { cancelJobRoute } from './routes/cancel-job.js';
import { deleteJobRoute } from './routes/delete-job.js';
import { galleryRoutes } from './routes/galleries.js';
import { healthRoutes } from './routes/health.js';
import { inspectDatasetRoute } from './routes/inspect-dataset.js';
import { metricsRoute } from './routes/metrics.js';
import { modelMarkRoutes } from './routes/model-marks.js';
import { modelRoutes } from './routes/models.js';
import { pauseJobRoutes } from './routes/pause-job.js';
import { readJobRoutes } from './routes/read-jobs.js';
import { repeatJobRoutes } from './routes/repeat-job.js';
import { submitJobRoutes } from './routes/submit-jobs.js';
import { useModelRoutes } from './routes/use-model.js';
import { watchJobRoutes } from './routes/watch-job.js';
import { workerRoutes } from './routes/workers.js';
import { validatorCompiler } from './validation.js';

/** A request of this API is a few hundred bytes. */
const MAX_BODY_BYTES = 64 * 1024;

const NO_RATE_LIMITS: RateLimits = { perKey: 0, perAddress: 0 };

export type AppOptions = ApiContext & {
  readonly logger: FastifyBaseLogger;
  /** Whether BullMQ's own view of the queue is shown, to keys with the scope `admin`. */
  readonly bullBoard?: 'on' | 'off';
  /** When keys are asked for; `auto`: once there are any, and always where `host` is not loopback. */
  readonly auth?: AuthMode;
  /** Address that the service will listen on. */
  readonly host?: string;
  /** What is open without a key. */
  readonly openWithoutKey?: readonly Openable[];
  readonly rateLimits?: RateLimits;
};

/** Builds the API without listening. Nothing is asked of Redis before the first request. */
export async function buildApp({ logger, bullBoard = 'off', ...options }: AppOptions): Promise<Api> {
  const {
    auth = 'auto',
    host = '127.0.0.1',
    openWithoutKey = [],
    rateLimits = NO_RATE_LIMITS,
    ...context
  } = options;
  const limiter = new RateLimiter(context.redis, rateLimits, context.queuePrefix);
  const app = Fastify({
    loggerInstance: logger,
    bodyLimit: context.maxBodyBytes ?? MAX_BODY_BYTES,
    frameworkErrors: answerFrameworkError,
    connectionTimeout: 120_000,
    requestTimeout: 60_000,
  }).withTypeProvider<TypeBoxTypeProvider>();
  // Fastify would read text/plain as a string, and a wrong content type would look like a wrong body.
  app.removeContentTypeParser('text/plain');
  app.setValidatorCompiler(validatorCompiler);
  app.addSchema(ProblemDocument);
  app.addSchema(JobView);
  await app.register(problemDocuments);
  const keys = new ApiKeyStore(context.redis, context.queuePrefix);
  await app.register(door, { keys, mode: auth, host, open: openWithoutKey, limiter });
  await app.register(swagger, openApiDocument);
  await app.register(swaggerUi, { routePrefix: DOCS_PATH, uiConfig: { persistAuthorization: true } });
  await acceptForms(app);
  metricsRoute(app, context);
  submitJobRoutes(app, context);
  inspectDatasetRoute(app, context);
  readJobRoutes(app, context);
  artifactRoutes(app, context);
  cancelJobRoute(app, context);
  pauseJobRoutes(app, context);
  watchJobRoutes(app, context);
  repeatJobRoutes(app, context);
  deleteJobRoute(app, context);
  modelRoutes(app, context);
  modelMarkRoutes(app, context);
  const inference = openInference(app, context);
  useModelRoutes(app, context, inference);
  galleryRoutes(app, context, inference);
  workerRoutes(app, context);
  apiKeyRoutes(app, context);
  healthRoutes(app, context);
  if (bullBoard === 'on') await mountBullBoard(app, context.queue);
  await app.ready();
  return app;
}
