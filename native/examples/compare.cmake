# cmake -DPROGRAM="program;argument;..." -DEXPECTED=file -P compare.cmake: runs a program, which must end with 0 and print what the file says.
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE printed ERROR_VARIABLE errors RESULT_VARIABLE code)
file(READ ${EXPECTED} expected)
if(NOT code STREQUAL "0" OR NOT printed STREQUAL expected)
  message(FATAL_ERROR "${PROGRAM} ended with ${code} and printed\n${printed}${errors}\ninstead of\n${expected}")
endif()
