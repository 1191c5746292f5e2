// What a serving process can do. In a file of its own, as the commands that do not serve need not load what does.

export const ROLES = ['api', 'record', 'project', 'dispatch'] as const;
export type Role = (typeof ROLES)[number];
