import type { Api, ApiContext } from '../api-context.js';
import { deleteJobWithArtifacts } from '../models/delete-artifacts.js';
import { JobParams, problems } from '../responses.js';

export function deleteJobRoute(app: Api, context: ApiContext): void {
  app.delete(
    '/jobs/:id',
    {
      schema: {
        tags: ['jobs'],
        summary: 'Delete a job with its artifacts',
        description:
          'Only a job that is over, and no model that an evaluation still needs or an alias points to (409). Also removes artifacts whose record is gone.',
        params: JobParams,
        response: {
          204: { type: 'null', description: 'Nothing of the job is left.' },
          ...problems(400, 404, 409, 413, 415, 500, 503),
        },
      },
    },
    async (request, reply) => {
      await deleteJobWithArtifacts(context, request.params.id, request);
      return reply.code(204).send(null);
    },
  );
}
