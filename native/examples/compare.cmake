# cmake -DPROGRAM="program;argument;..." -DEXPECTED=file [-DCODE=0] -P compare.cmake: runs a program, which must end with this code and print what the file says.
if(NOT DEFINED CODE)
  set(CODE 0)
endif()
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE printed ERROR_VARIABLE errors RESULT_VARIABLE code)
file(READ ${EXPECTED} expected)
if(NOT code STREQUAL CODE OR NOT printed STREQUAL expected)
  message(FATAL_ERROR "${PROGRAM} ended with ${code} and printed\n${printed}${errors}\ninstead of\n${expected}")
endif()
