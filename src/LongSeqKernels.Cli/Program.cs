using LongSeqKernels.Cli;

return Application.Run(args);
