export { defineFunction, type FunctionDefinition, isFunctionDefinition } from './define-function.js';
export { defineWorkflow, type WorkflowOptions } from './define-workflow.js';
export * from './flow.js';
export * from './stage-call.js';
export * from './stage-ref.js';
export * from './workflow-definition.js';
